"""The model's answer along a path: what it says as one feature moves."""

from jupyter_xai.responses.response import response_curves

__all__ = ["response_curves"]
