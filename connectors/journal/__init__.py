"""What is under way, in a file that outlives its process."""
