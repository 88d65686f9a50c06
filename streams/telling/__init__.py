"""What the log says, in words for whoever runs this: one sentence per reason, and the story."""
