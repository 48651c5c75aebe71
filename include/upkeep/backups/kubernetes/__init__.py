"""Kubernetes: namespaces exported and recreated, volume snapshots, configuration in Git, drills."""
