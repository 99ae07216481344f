"""Numbers about tables: statistics, closed forms, predictions, summaries. Nothing here measures."""
