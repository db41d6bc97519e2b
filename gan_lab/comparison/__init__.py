"""Runs side by side: whose scores may be compared, what is one setup with several seeds, and tables of it."""
