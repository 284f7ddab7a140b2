"""The lab in a browser: Locust's page with the scenarios, and `/lab` with the verdict so far."""
