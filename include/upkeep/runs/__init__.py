"""Runs: which moment a run speaks of, what it may read, and what its parameters allow."""
