"""Ask a model why: live explanations in the notebook.

Names are imported when they are first used, so that ``import jupyter_xai`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_PUBLIC = {
    "explain": "jupyter_xai.api",
    "compare": "jupyter_xai.comparing",
    "benchmark": "jupyter_xai.comparing",
    "explain_dataset": "jupyter_xai.api",
    "methods": "jupyter_xai.api",
    "Lime": "jupyter_xai.kernels.lime",
    "KernelShap": "jupyter_xai.kernels.kernel_shap",
    "PermutationShap": "jupyter_xai.kernels.permutation_shap",
    "PartitionShap": "jupyter_xai.kernels.partition_shap",
    "Occlusion": "jupyter_xai.kernels.occlusion",
    "DeepLift": "jupyter_xai.kernels.deeplift",
    "DeepShap": "jupyter_xai.kernels.deeplift",
    "GradCam": "jupyter_xai.kernels.grad_cam",
    "IntegratedGradients": "jupyter_xai.kernels.integrated_gradients",
    "ExpectedGradients": "jupyter_xai.kernels.expected_gradients",
    "SmoothGrad": "jupyter_xai.kernels.smooth_grad",
    "Saliency": "jupyter_xai.kernels.saliency",
    "Sensitivity": "jupyter_xai.kernels.sensitivity",
    "InputXGradient": "jupyter_xai.kernels.input_x_gradient",
    "GlobalShap": "jupyter_xai.dataset.global_shap",
    "NormLime": "jupyter_xai.dataset.norm_lime",
    "SubmodularPick": "jupyter_xai.dataset.submodular_pick",
    "GlobalSensitivity": "jupyter_xai.dataset.global_sensitivity",
    "Tabular": "jupyter_xai.maskers.tabular",
    "Text": "jupyter_xai.maskers.text",
    "Tokens": "jupyter_xai.maskers.tokens",
    "Image": "jupyter_xai.maskers.image",
    "Benchmark": "jupyter_xai.comparing",
    "Comparison": "jupyter_xai.comparing",
    "Explanation": "jupyter_xai.explanation",
    "GlobalExplanation": "jupyter_xai.explanation",
    "View": "jupyter_xai.widget.view",
    "XaiError": "jupyter_xai.errors",
    "InputError": "jupyter_xai.errors",
    "TargetError": "jupyter_xai.errors",
    "ModelError": "jupyter_xai.errors",
    "MissingExtraError": "jupyter_xai.errors",
    "CannotExplainError": "jupyter_xai.errors",
}

__all__ = [*_PUBLIC, "__version__"]

if TYPE_CHECKING:
    from jupyter_xai.api import explain as explain, explain_dataset as explain_dataset, methods as methods
    from jupyter_xai.comparing import (
        Benchmark as Benchmark,
        Comparison as Comparison,
        benchmark as benchmark,
        compare as compare,
    )
    from jupyter_xai.dataset.global_sensitivity import GlobalSensitivity as GlobalSensitivity
    from jupyter_xai.dataset.global_shap import GlobalShap as GlobalShap
    from jupyter_xai.dataset.norm_lime import NormLime as NormLime
    from jupyter_xai.dataset.submodular_pick import SubmodularPick as SubmodularPick
    from jupyter_xai.errors import (
        CannotExplainError as CannotExplainError,
        InputError as InputError,
        MissingExtraError as MissingExtraError,
        ModelError as ModelError,
        TargetError as TargetError,
        XaiError as XaiError,
    )
    from jupyter_xai.explanation import Explanation as Explanation, GlobalExplanation as GlobalExplanation
    from jupyter_xai.kernels.deeplift import DeepLift as DeepLift, DeepShap as DeepShap
    from jupyter_xai.kernels.expected_gradients import ExpectedGradients as ExpectedGradients
    from jupyter_xai.kernels.grad_cam import GradCam as GradCam
    from jupyter_xai.kernels.input_x_gradient import InputXGradient as InputXGradient
    from jupyter_xai.kernels.integrated_gradients import IntegratedGradients as IntegratedGradients
    from jupyter_xai.kernels.kernel_shap import KernelShap as KernelShap
    from jupyter_xai.kernels.lime import Lime as Lime
    from jupyter_xai.kernels.occlusion import Occlusion as Occlusion
    from jupyter_xai.kernels.partition_shap import PartitionShap as PartitionShap
    from jupyter_xai.kernels.permutation_shap import PermutationShap as PermutationShap
    from jupyter_xai.kernels.saliency import Saliency as Saliency
    from jupyter_xai.kernels.sensitivity import Sensitivity as Sensitivity
    from jupyter_xai.kernels.smooth_grad import SmoothGrad as SmoothGrad
    from jupyter_xai.maskers.image import Image as Image
    from jupyter_xai.maskers.tabular import Tabular as Tabular
    from jupyter_xai.maskers.text import Text as Text
    from jupyter_xai.maskers.tokens import Tokens as Tokens
    from jupyter_xai.widget.view import View as View


def __getattr__(name: str) -> Any:
    """Import a public name on first use (PEP 562)."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'jupyter_xai' has no attribute {name!r}")
    value = getattr(import_module(_PUBLIC[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
