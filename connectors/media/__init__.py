"""The media store, and the process that decodes foreign media."""
