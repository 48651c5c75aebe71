"""The estate that the cluster starts with: five systems as their guides describe them, a week old."""

from sandbox.kubernetes.seed.plant import plant

__all__ = ["plant"]
