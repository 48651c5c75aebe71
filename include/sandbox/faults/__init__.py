"""Faults: each makes one thing truly wrong at its source, and can undo it."""
