"""From tables to figures, recommendations and the page. Nothing here measures or decides."""
