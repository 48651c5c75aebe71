"""Backups: how they are made, found, proven, kept, restored."""
