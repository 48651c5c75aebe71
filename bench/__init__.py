"""What Upkeep promises of its speed, as ratios measured in one run; `make bench` runs it."""
