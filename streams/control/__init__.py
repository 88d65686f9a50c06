"""What steers workers from outside the flow of events: commands and shared states as records."""
