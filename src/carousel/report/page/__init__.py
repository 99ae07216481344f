"""The text of the page, from the tables; report/ at the root has its frame, style and scripts."""
