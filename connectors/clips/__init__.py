"""Where clips come from; one source per file."""
