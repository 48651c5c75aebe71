"""Checks: the plain functions behind the procedures that look and do not touch."""
