"""Breaks a whole Vidette on purpose, and proves id by id what is lost or doubled."""
