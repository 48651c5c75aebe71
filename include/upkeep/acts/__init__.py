"""What changes a system: find, gate, act, verify, record."""
