"""A Kubernetes API for the local estate: what Upkeep's procedures use, with the real API's semantics.

It keeps its state in memory, starts seeded, and answers 501 with a Status that names what is missing
to everything it does not implement. `python -m sandbox.kubernetes --help` shows how to start it.
"""
