"""Adapters that turn what the user has into a predictor; frameworks are recognised by type name."""

from jupyter_xai.models.wrap import wrap

__all__ = ["wrap"]
