"""Deadline references: the moment from which a run's deadline counts."""
