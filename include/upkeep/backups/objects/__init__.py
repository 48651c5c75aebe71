"""Versions of S3 objects: how long they are kept, and how one of them is brought back."""
