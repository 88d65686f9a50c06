"""Simulated vendors on this machine: they speak each wire, fail as they are told, and count."""
