"""Routes about providers: how they are, what they did and cost, and how to steer them."""
