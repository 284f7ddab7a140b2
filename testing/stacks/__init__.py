"""Stacks: the whole shop as processes of this machine, or as containers."""
