"""From samples to PASS, FAIL or INCONCLUSIVE."""
