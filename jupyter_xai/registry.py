"""Which kernels there are. A new kernel is one entry in ``KERNELS``."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

from jupyter_xai.protocols import Kind

Family = Literal["perturbation", "gradient", "dataset"]


@dataclass(frozen=True)
class Kernel:
    """One line of the registry.

    Parameters
    ----------
    name : str
        What ``method=`` takes.
    label : str
        What the view shows.
    path : str
        ``"module:Class"``, imported when the kernel is used.
    family : {"perturbation", "gradient", "dataset"}
    kinds : tuple of {"table", "text", "image"}
        Kinds of input it explains.
    needs : tuple of str
        What the model must be: ``"torch"`` for kernels that take gradients.
    without_torch : tuple of {"table", "text", "image"}
        Kinds of input that it explains for other models as well, by differences in the place of gradients.
    """

    name: str
    label: str
    path: str
    family: Family
    kinds: tuple[Kind, ...] = ("table", "text", "image")
    needs: tuple[str, ...] = ()
    without_torch: tuple[Kind, ...] = ()

    def load(self) -> Any:
        """Import and return the kernel's class."""
        module, _, name = self.path.partition(":")
        return getattr(import_module(module), name)

    def why_not(self, kind: Kind, backend: str) -> str:
        """Say why the kernel does not apply; empty if it does.

        Parameters
        ----------
        kind : {"table", "text", "image"}
        backend : {"numpy", "torch"}
            Where the predictor's batches live.

        Examples
        --------
        >>> KERNELS["lime"].why_not("table", "numpy")
        ''
        """
        if kind not in self.kinds:
            return f"{self.label} explains {' and '.join(self.kinds)} inputs, not a {kind}"
        if "torch" in self.needs and backend != "torch" and kind not in self.without_torch:
            return f"{self.label} takes gradients and needs a torch network"
        return ""


KERNELS: dict[str, Kernel] = {
    kernel.name: kernel
    for kernel in (
        Kernel("lime", "LIME", "jupyter_xai.kernels.lime:Lime", "perturbation"),
        Kernel("kernel_shap", "KernelSHAP", "jupyter_xai.kernels.kernel_shap:KernelShap", "perturbation"),
        Kernel(
            "permutation_shap",
            "Permutation SHAP",
            "jupyter_xai.kernels.permutation_shap:PermutationShap",
            "perturbation",
        ),
        Kernel(
            "partition_shap",
            "Partition SHAP",
            "jupyter_xai.kernels.partition_shap:PartitionShap",
            "perturbation",
        ),
        Kernel("occlusion", "Occlusion", "jupyter_xai.kernels.occlusion:Occlusion", "perturbation"),
        *(
            Kernel(name, label, f"jupyter_xai.kernels.deeplift:{cls}", "gradient", needs=("torch",))
            for name, label, cls in (
                ("deep_lift", "DeepLIFT", "DeepLift"),
                ("deep_shap", "DeepSHAP", "DeepShap"),
            )
        ),
        *(
            Kernel(name, label, f"jupyter_xai.kernels.{name}:{cls}", "gradient", needs=("torch",))
            for name, label, cls in (
                ("integrated_gradients", "Integrated gradients", "IntegratedGradients"),
                ("expected_gradients", "Expected gradients", "ExpectedGradients"),
                ("saliency", "Saliency", "Saliency"),
                ("smooth_grad", "SmoothGrad", "SmoothGrad"),
                ("input_x_gradient", "Input × gradient", "InputXGradient"),
            )
        ),
        Kernel(
            "sensitivity",
            "Sensitivity",
            "jupyter_xai.kernels.sensitivity:Sensitivity",
            "gradient",
            ("table", "image"),
            ("torch",),
            without_torch=("table",),
        ),
        Kernel(
            "grad_cam", "Grad-CAM", "jupyter_xai.kernels.grad_cam:GradCam", "gradient", ("image",), ("torch",)
        ),
        *(
            Kernel(name, label, f"jupyter_xai.dataset.{name}:{cls}", "dataset")
            for name, label, cls in (
                ("global_shap", "Global SHAP", "GlobalShap"),
                ("norm_lime", "NormLIME", "NormLime"),
                ("submodular_pick", "SP-LIME", "SubmodularPick"),
                ("global_sensitivity", "Global sensitivity", "GlobalSensitivity"),
            )
        ),
    )
}

LOCAL: dict[str, Kernel] = {name: kernel for name, kernel in KERNELS.items() if kernel.family != "dataset"}
"""Those that explain one instance."""

DEFAULT_METHOD: dict[Kind, str] = {"table": "lime", "text": "lime", "image": "lime"}
