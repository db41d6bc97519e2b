"""What watches a run; models do not know it."""
