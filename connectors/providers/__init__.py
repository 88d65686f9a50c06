"""Who answers questions about frames; one vendor per file."""
