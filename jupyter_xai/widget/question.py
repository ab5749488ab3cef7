"""What a view needs to know of the model, the instance and the kernels: no more than this."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.explanation import Explanation, Layout
from jupyter_xai.params import ParamSpec
from jupyter_xai.protocols import Watch


class Question(Protocol):
    """What the composition root hands to a view: it knows the model, the instance and the kernels."""

    took: str
    output_unit: str
    threshold: float | None

    def stream(self, request: Mapping[str, Any], watch: Watch) -> Iterator[Explanation]:
        """Explain as the request says."""
        ...

    def predict(self, request: Mapping[str, Any]) -> NDArray[np.float64]:
        """Every output of the model at the edited instance."""
        ...

    def layout(self, request: Mapping[str, Any]) -> Layout:
        """Layout of the edited instance under the request's masker parameters."""
        ...

    def ids(self, request: Mapping[str, Any]) -> tuple[int, ...] | None:
        """Number in the original of each feature of the edited instance; None: the same."""
        ...

    def methods(self) -> list[dict[str, str]]:
        """Every kernel, and why it does not apply ("" if it does)."""
        ...

    def params(self, request: Mapping[str, Any]) -> tuple[ParamSpec, ...]:
        """Specs of the hyper-parameters of the request's method and masker."""
        ...

    def label(self, request: Mapping[str, Any]) -> str:
        """Name the request's method as the view does."""
        ...

    def describe_error(self, error: BaseException) -> dict[str, str]:
        """Put a failure in words: title, message, where, hint, traceback."""
        ...

    def drop_caches(self) -> None:
        """Forget the model's cached answers."""
        ...
