"""The run folder: read, write, lock, resume, start from old weights."""
