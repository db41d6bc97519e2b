"""What a user can get wrong, and what is said then: one table, from which the tests and errors.md are made."""
