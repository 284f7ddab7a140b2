"""Raises what an experiment needs, lets the generator walk its schedule, and has it judged."""
