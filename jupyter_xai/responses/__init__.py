"""The model's answer along a path: as one feature moves, as features are removed, as an image is adjusted."""

from jupyter_xai.responses.adjustments import adjustment_curves
from jupyter_xai.responses.flips import nearest_flips
from jupyter_xai.responses.paths import along_paths
from jupyter_xai.responses.presence import presence_curves
from jupyter_xai.responses.removal import removal_curves
from jupyter_xai.responses.response import response_curves

__all__ = [
    "adjustment_curves",
    "along_paths",
    "nearest_flips",
    "presence_curves",
    "removal_curves",
    "response_curves",
]
