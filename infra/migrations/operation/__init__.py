"""Revisions of the schema `operation`: state of the workers, no fold of the log."""
