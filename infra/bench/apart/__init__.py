"""What benches run in processes of its own, and how they look at it from outside."""
