"""Reductions over many rows."""
