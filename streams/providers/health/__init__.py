"""Breakers and the blacklist, shared by all workers through the log: tables, folds, decisions."""
