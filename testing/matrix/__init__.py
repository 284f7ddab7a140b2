"""The fault matrix: every round trip of the shop to Redis x every way in which one can fail."""
