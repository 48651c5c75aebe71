"""The servers that the sandbox itself implements; each runs in a process of its own."""
