"""Recoveries: how each thing is brought back, planned, verified, taken down again."""
