"""What keeps worker processes going, and what tells of them."""
