"""What a chain of providers hangs on, in memory."""
