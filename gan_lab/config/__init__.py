"""The schema of a configuration, saved configurations, resolvers."""
