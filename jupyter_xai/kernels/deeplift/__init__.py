"""DeepLIFT on any torch network, from one baseline or averaged over a background."""

from jupyter_xai.kernels.deeplift.kernels import DeepLift, DeepShap

__all__ = ["DeepLift", "DeepShap"]
