"""Procedures: what builds the tasks and DAGs of routines from the catalog's plans."""
