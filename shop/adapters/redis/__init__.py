"""The data store: keys, Lua scripts, and the ports they serve."""
