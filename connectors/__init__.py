"""How we touch the world: one vendor or protocol per file, in folders by port."""
