"""Functions on a batch, by LIME's contract."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jupyter_xai.models._base import Adapter
from jupyter_xai.models.sklearn import class_names
from jupyter_xai.protocols import Batch, Encoded, Kind


class CallablePredictor(Adapter):
    """A function: list of str, 2-D array or DataFrame, or stack of images in; (n, outputs) or (n,) out.

    Under ``xai.Tokens`` it is called on an array of token ids, or on a dict where the encoder gives more than ids.

    A classifier's bound ``predict_proba`` or ``decision_function`` names its outputs by its ``classes_``.

    Parameters
    ----------
    function : callable
    kind, output, output_names
        As for ``wrap``.

    Examples
    --------
    >>> import numpy as np
    >>> lengths = CallablePredictor(lambda texts: [len(t) for t in texts], "text")
    >>> lengths.predict(["short", "longer"])[:, 0]
    array([5., 6.])
    >>> lengths.output_names
    ('prediction',)
    """

    native = "function"
    takes_ids = True

    def __init__(
        self,
        function: Callable[[Any], Any],
        kind: Kind,
        output: str = "auto",
        output_names: Sequence[str] | None = None,
    ) -> None:
        super().__init__(function, kind, output, output_names)
        if getattr(function, "__name__", "") in {"predict_proba", "decision_function"}:
            self.classes = class_names(getattr(function, "__self__", None))

    def _call(self, batch: Batch) -> Any:
        if isinstance(batch, Encoded):
            ((_, arrays),) = batch.parts
            return self.model(dict(zip(batch.names, arrays, strict=True)) if batch.names else arrays[0])
        return self.model(batch)
