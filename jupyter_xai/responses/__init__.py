"""The model's answer along a path: as one feature moves, and as features are removed."""

from jupyter_xai.responses.paths import along_paths
from jupyter_xai.responses.removal import removal_curves
from jupyter_xai.responses.response import response_curves

__all__ = ["along_paths", "removal_curves", "response_curves"]
