"""What providers cost and may cost: the table of prices, and the limits that are set."""
