"""One instance as all methods and metrics see it: a predictor, a masker, the outputs, before and after edits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.api import default_masker
from jupyter_xai.comparing.methods import read_methods, takes_gradients
from jupyter_xai.edited import Edited, edited
from jupyter_xai.evaluation import Pool
from jupyter_xai.explanation import Layout, Pixels
from jupyter_xai.inputs import recognise
from jupyter_xai.metrics import Subject
from jupyter_xai.models import wrap
from jupyter_xai.models.targets import default_threshold, resolve_targets

if TYPE_CHECKING:
    from jupyter_xai.comparing.run import Asked

Edits = Sequence[Mapping[str, Any]]


class Interrupted(BaseException):
    """Somebody said Stop between two model calls; no ``except Exception`` takes it for a model's fault."""


@dataclass(frozen=True)
class Scenery:
    """What is explained after some edits."""

    masker: Any
    instance: Any
    ids: tuple[int, ...] | None
    """For each feature its number in the original; None: the same."""
    subject: Subject
    predictions: NDArray[np.float64]


class Stage:
    """What stays the same for every method, and for every edit of one instance.

    Parameters
    ----------
    asked : Asked
    x : instance

    Raises
    ------
    InputError
        For an unknown method, metric, target or hyper-parameter.
    """

    def __init__(self, asked: Asked, x: Any) -> None:
        self.asked = asked
        params = dict(asked.params or {})
        picture = getattr(asked.masker, "kind", None) == "image" or _is_picture(x)
        own_background = None if picture else asked.background
        found = recognise(x, model=asked.model, masker=asked.masker, background=own_background)
        self.kind, self.instance, self.took = found.kind, found.instance, found.took
        fills = picture and params.get("fill") == "background"
        self.masker = default_masker(
            found,
            asked.masker,
            asked.background if fills else own_background,
            asked.feature_names if asked.masker is None else None,
            params,
        )
        self._go_on: Callable[[], bool] = _always
        self.predictor = self._watched(
            wrap(asked.model, kind=self.kind, output=asked.output, output_names=asked.output_names)
        )
        self.methods = read_methods(asked.methods, params, self.masker.params, self.predictor.backend)
        self.metrics = asked.chosen_metrics(self.kind)
        self.pictures = asked.background if picture else None
        self._unused: Subject | None = self._subject(self.masker, self.instance)
        self.original: Layout = self._unused.bound.layout
        batch = self._unused.bound.instance()
        with self.predictor.run():
            scores = self.predictor.predict(batch)
        self.explained_predictor: Any = self.predictor
        self.space_reason = ""
        self._settle_space(batch)
        if self.explained_predictor is not self.predictor:
            with self.explained_predictor.run():
                scores = self.explained_predictor.predict(batch)
        self._resolved = resolve_targets(asked.targets, self.explained_predictor, scores, asked.n_targets)
        self.targets = list(self._resolved.indices) if self._resolved.explained else asked.targets
        self.output_names = self._resolved.names
        self.space: str = self.explained_predictor.output_space
        self.threshold = default_threshold(self.explained_predictor)
        self.before: NDArray[np.float64] = self._resolved.select(scores)[0]
        """The predictions before edits."""

    def set(self, edits: Edits = (), go_on: Callable[[], bool] | None = None) -> Scenery:
        """What is explained after these edits; from now on the model is asked while ``go_on()`` says so.

        Raises
        ------
        InputError
            If an edit is malformed or does not fit.
        """
        self._go_on = _always if go_on is None else go_on
        if not edits:
            subject, self._unused = self._unused or self._subject(self.masker, self.instance), None
            return Scenery(self.masker, self.instance, None, subject, self.before)
        found = self._edited(self.masker, edits)
        subject = self._subject(found.masker, found.instance)
        return Scenery(found.masker, found.instance, found.ids, subject, self._answer(subject.bound))

    # --- what a view asks while a hand moves ------------------------------------------------------------------------

    def predict(self, request: Mapping[str, Any]) -> NDArray[np.float64]:
        """The explained outputs after the request's edits, (outputs,).

        Raises
        ------
        InputError
            If an edit does not fit.
        ModelError
            If the model fails.
        """
        return self._answer(self._bound(request))

    def layout(self, request: Mapping[str, Any]) -> Layout:
        """Layout of the edited instance."""
        layout: Layout = self._bound(request).layout
        return layout

    def _bound(self, request: Mapping[str, Any]) -> Any:
        edits = request.get("edits") or ()
        found = self._edited(self.masker, edits) if edits else Edited(self.masker, self.instance)
        return found.masker.bind(found.instance, self.explained_predictor)

    def _answer(self, bound: Any) -> NDArray[np.float64]:
        ask = getattr(self.explained_predictor, "unwatched", self.explained_predictor.predict)
        first: NDArray[np.float64] = self._resolved.select(ask(bound.instance()))[0]
        return first

    def edited_masker(self, masker: Any, edits: Edits) -> Any:
        """A method's own masker on the edited instance: it cuts where it cut the original."""
        if not edits:
            return masker
        layout = masker.bind(self.instance, self.predictor).layout
        if isinstance(layout, Pixels):
            import copy

            masker = copy.copy(masker)
            masker.segmentation = layout.labels
        return masker

    def _edited(self, masker: Any, edits: Edits) -> Edited:
        return edited(masker, self.instance, self.original, edits)

    # --- model and outputs ------------------------------------------------------------------------------------------

    def _subject(self, masker: Any, instance: Any) -> Subject:
        asked = self.asked
        return Subject(
            self.predictor,
            instance,
            masker,
            targets=asked.targets,
            batch_size=asked.batch_size,
            pool=Pool(),
        )

    def _watched(self, predictor: Any) -> Any:
        """The predictor, asking before each call whether to go on; one that the user made is left as it is."""
        if predictor is self.asked.model:
            return predictor
        plain = predictor.predict

        def predict(batch: Any) -> Any:
            if not self._go_on():
                raise Interrupted
            return plain(batch)

        predictor.predict, predictor.unwatched = predict, plain
        return predictor

    def _settle_space(self, batch: Any) -> None:
        """One output space for all: the logit behind a final softmax or sigmoid where a gradient method takes part."""
        space = self.predictor.output_space
        gradient = [
            method.label for method in self.methods if takes_gradients(method, self.kind, self.predictor)
        ]
        ended = self.predictor.backend == "torch" and hasattr(self.predictor, "snapshot") and space != "raw"
        self.space_reason = f"All methods explain the {'output as it is' if space == 'raw' else space}."
        if not gradient or not ended or self.asked.output not in {"auto", "logit"}:
            return
        from jupyter_xai.models.ending import Logits

        net: Any = self.predictor
        _, (module, kind, _, names) = net.__reduce__()
        logits: Any = wrap(Logits(module), kind=kind, output="logit", output_names=names)
        with logits.run():
            logits.predict(batch)
            if not logits.snapshot().module.ended:
                return
        logits.model_name = net.model_name
        self.explained_predictor = self._watched(logits)
        self.space_reason = (
            f"All methods explain the logit, what goes into the network's last softmax or sigmoid, because "
            f"{' and '.join(gradient[:2])}{' and others' if len(gradient) > 2 else ''} "
            f"{'follow' if len(gradient) > 1 else 'follows'} gradients, which a probability near 0 or 1 has none of."
        )


def _always() -> bool:
    return True


def _is_picture(x: Any) -> bool:
    if isinstance(x, str) or hasattr(x, "iloc") or isinstance(x, dict | list):
        return False
    return hasattr(x, "getbands") or len(getattr(x, "shape", ())) >= 3
