"""A seeded run of orders under faults, drained and judged: `python -m testing.chaos`."""
