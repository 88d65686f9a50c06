"""Runs agents over the log so that each record ends in exactly one committed result."""
