"""Executors whose workers are warm."""
