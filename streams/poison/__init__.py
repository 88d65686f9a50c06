"""Records that end or block their worker, and another chance for what became a dead letter."""
