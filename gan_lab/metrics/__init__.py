"""Feature extractors, and the scores computed on what they extract."""
