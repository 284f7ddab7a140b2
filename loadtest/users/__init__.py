"""The generator: Locust users that walk drawn arrivals, and follow what was accepted to its end."""
