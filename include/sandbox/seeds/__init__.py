"""What the sandbox's databases and buckets contain when it starts."""
