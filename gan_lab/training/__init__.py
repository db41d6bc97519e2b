"""The composition root: build, validate, train, record."""
