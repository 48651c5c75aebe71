"""Real servers that tests start, and what a check needs around it."""
