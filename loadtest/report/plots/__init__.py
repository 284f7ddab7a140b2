"""Pictures of a run, each of which says what it shows."""
