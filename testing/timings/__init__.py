"""Times parts of the shop in a process of their own, for the benches of the load lab."""
