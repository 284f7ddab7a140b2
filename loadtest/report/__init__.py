"""A run's page, and the pictures on it."""
