"""Adapters that turn what the user has into a predictor; frameworks are recognised by type name."""
