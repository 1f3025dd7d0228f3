"""Coverage, precision and recall of generated letters."""
