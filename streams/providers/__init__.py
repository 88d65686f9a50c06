"""Providers, with pen and paper: what they are asked, what their errors mean, who is next."""
