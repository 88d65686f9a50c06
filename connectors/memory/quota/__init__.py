"""Budgets in memory."""
