"""The local estate that the five systems live in, for the demo and the tests.

Everything listens on the loopback interface, on free ports, and keeps its state in one folder.
`sandbox.commands` starts and stops it; `sandbox.estate` says what runs where.
"""
