"""What the sandbox's Kubernetes API and a real control plane share: the same assertions on both."""
