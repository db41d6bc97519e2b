"""What a user can get wrong, and what is said then: one table, from which the tests and docs/errors.md are made."""
