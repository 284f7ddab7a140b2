"""The shop's use cases, over the ports of the domain."""
