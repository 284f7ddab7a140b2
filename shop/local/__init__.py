"""Every service as a process on this machine, under one supervisor."""
