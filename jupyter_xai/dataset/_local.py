"""What the kernels over a local explainer share: each row explained, and a predictor for each worker."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, cast

from jupyter_xai.dataset._readings import Naming, Reading, reading
from jupyter_xai.dataset._rows import Chunk, listed
from jupyter_xai.dataset._run import DatasetKernel
from jupyter_xai.errors import InputError
from jupyter_xai.explanation import Explanation
from jupyter_xai.kernels._stream import plain
from jupyter_xai.models.wrap import wrap
from jupyter_xai.protocols import Kind, Target

_ROWS, _ROWS_OF_PASSES = 8, 128


class ExplainerKernel(DatasetKernel):
    """Base of the kernels that explain each row with a local explainer."""

    max_features: int = 20_000
    """Words that are kept of an open vocabulary."""
    by: Naming = "feature"
    explainer: Any

    @property
    def kind(self) -> Kind | None:
        """What the explainer's masker takes."""
        masker = self._masker()
        return None if masker is None else masker.kind

    def _masker(self) -> Any:
        for name in ("masker", "inputs"):
            masker = getattr(self.explainer, name, None)
            if hasattr(masker, "kind"):
                return masker
        return None

    @property
    def most_rows(self) -> int:
        """More where the explainer takes many rows a pass, or explains them by the same draws."""
        if getattr(self.explainer, "shares_draws", False):
            return _ROWS_OF_PASSES
        return _ROWS if getattr(self.explainer, "masker", None) is not None else _ROWS_OF_PASSES

    @property
    def concurrent(self) -> bool:
        """Whether the model may be called by several threads at once."""
        predictor = self._own_predictor()
        return predictor is not None and predictor.concurrent

    def _own_predictor(self) -> Any:
        """Another predictor of the explainer's model; None if it has none of ours."""
        model = getattr(self.explainer, "model", None)
        if model is None:
            return None
        predictor: Any = wrap(model, kind=self.kind or "image")
        return predictor.own() if hasattr(predictor, "own") else None

    def prepared(self, chunk: Chunk, targets: Target | None) -> ExplainerKernel:  # noqa: ARG002 - of no use here
        """The kernel with one set of weights for the whole run."""
        model = getattr(self.explainer, "model", None)
        if model is None:
            return self
        predictor: Any = wrap(model, kind=self.kind or "image")
        if not hasattr(predictor, "pinned"):
            return self
        twin, explainer = copy.copy(self), copy.copy(self.explainer)
        explainer.model = predictor.pinned()
        twin.explainer = explainer
        return twin

    def owned(self) -> ExplainerKernel:
        """The kernel with an explainer, a predictor and a lock of its own."""
        twin, explainer = copy.copy(self), copy.copy(self.explainer)
        predictor = self._own_predictor()
        if predictor is not None:
            explainer.model = predictor
        twin.explainer = explainer
        return twin

    def measure(self, chunk: Chunk, targets: Target | None) -> list[Reading]:
        """Explain each row.

        Parameters
        ----------
        chunk : Chunk
        targets : optional
        """
        explained = self._explained(list(listed(chunk.rows)), targets)
        return [self._reading(found, chunk.start + i) for i, found in enumerate(explained)]

    def _explained(self, rows: list[Any], targets: Target | None) -> Sequence[Explanation]:
        explainer = self.explainer
        if not callable(getattr(explainer, "explain_batch", None)):
            raise InputError(
                f"The explainer is a {type(explainer).__name__}; expected one with explain_batch, such as "
                "xai.Lime(model, masker). Pass that."
            )
        if getattr(explainer, "n_targets", None) is not None and explainer.n_targets != self.n_targets:
            explainer = copy.copy(explainer)
            explainer.n_targets = self.n_targets
        found: Sequence[Explanation] = explainer.explain_batch(rows, targets)
        return found

    def _reading(self, explanation: Any, row: int) -> Reading:
        return reading(explanation, row, self.by)

    def _said(self) -> dict[str, Any]:
        specs = cast(Any, getattr(self.explainer, "params", ()))
        own = {spec.name: plain(getattr(self.explainer, spec.name)) for spec in specs}
        own["method"] = getattr(self.explainer, "method", type(self.explainer).__name__)
        return super()._said() | {"explainer": own}
