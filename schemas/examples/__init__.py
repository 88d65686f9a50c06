"""One example of each word, used by docs, published schemas and tests alike."""
