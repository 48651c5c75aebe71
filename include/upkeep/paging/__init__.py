"""Pages: what they say on each channel, and the rules by which they are delivered."""
