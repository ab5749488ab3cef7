"""What explanations are judged against: the model, one instance, and what absence means."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.evaluation import MaskEvaluation, Pool
from jupyter_xai.evaluation.calls import Calls
from jupyter_xai.explanation import Columns, Explanation, Pixels
from jupyter_xai.metrics.projection import onto
from jupyter_xai.models.targets import resolve_targets
from jupyter_xai.models.wrap import wrap
from jupyter_xai.protocols import Batch, Masker, Predictor

Scores = NDArray[np.float64]

_CLIP = 1e-12  # KernelSHAP's own


class Subject:
    """The model, one instance and its masker, as metrics ask about them.

    Parameters
    ----------
    model : Predictor, scikit-learn estimator, torch.nn.Module or function
    x : instance
        What the masker takes.
    masker : Masker
        What absence means; it need not be the one an explanation was made with.
    output : {"auto", "probability", "logit", "raw"}
        As for ``explain``. Each explanation is judged in the space in which it was made, whatever this is.
    targets : optional
        The explained outputs, needed only where they are functions.
    batch_size : int or "auto"
        Most rows a model call.
    pool : Pool, optional
        Where answers are looked up and kept.

    Raises
    ------
    InputError
        If the instance is not one the masker takes.

    Examples
    --------
    >>> from jupyter_xai import Text
    >>> subject = Subject(lambda texts: [[len(text)] for text in texts], "a dull film", Text())
    >>> subject.n_features
    3
    """

    def __init__(
        self,
        model: Any,
        x: Any,
        masker: Masker,
        *,
        output: str = "auto",
        targets: Any = None,
        batch_size: int | Literal["auto"] = "auto",
        pool: Pool | None = None,
    ) -> None:
        self.x = x
        self.masker = masker
        self.kind = masker.kind
        self.predictor = wrap(model, kind=self.kind, output=output)
        self.targets = targets
        self.batch_size = batch_size
        self.pool = pool
        self.n_rows = 0
        """Model rows asked about so far."""
        with self.predictor.run():
            self.bound = masker.bind(x, self.predictor)
        self.n_features = self.bound.n_features
        self._logits: Predictor | None = None
        self._full: dict[int, Scores] = {}
        self._asked: dict[tuple[int, str], Scores] = {}
        self._chosen: list[tuple[Explanation, Predictor, Callable[[Scores], Scores], str]] = []

    # --- an explanation's own outputs ---------------------------------------------------------------------------

    def unit(self, explanation: Explanation) -> str:
        """The space in which an explanation is judged, that in which it was made."""
        return self._space(explanation)[2]

    def _space(self, explanation: Explanation) -> tuple[Predictor, Callable[[Scores], Scores], str]:
        """Predictor, choice of its outputs and unit that give an explanation's own predictions back."""
        for known, predictor, choose, unit in self._chosen:
            if known is explanation:
                return predictor, choose, unit
        best = np.inf
        for predictor, choose, unit in self._spaces(explanation):
            said = choose(self._at_instance(predictor))[0]
            scale = 1e-5 + 1e-3 * float(np.abs(explanation.predictions).max())
            apart = (
                float(np.abs(said - explanation.predictions).max())
                if said.shape == np.shape(explanation.predictions)
                else np.inf
            )
            if apart <= scale:
                self._chosen = [*self._chosen[-16:], (explanation, predictor, choose, unit)]
                return predictor, choose, unit
            best = min(best, apart)
        raise InputError(
            f"The explanation by {explanation.method or 'an unknown method'} says that the model predicts "
            f"{np.array2string(np.asarray(explanation.predictions), precision=4, threshold=5)}, but this model "
            f"does not at "
            "this input: it is of another model, input or output. Judge it against what it was made of."
        )

    def _spaces(
        self, explanation: Explanation
    ) -> Iterator[tuple[Predictor, Callable[[Scores], Scores], str]]:
        first = self._at_instance(self.predictor)
        space = self.predictor.output_space
        choose = self._choice(explanation, first)
        unit = explanation.output_unit
        if unit in {space, "raw"} or space == "raw":
            yield self.predictor, choose, space
        if unit != "logit":
            return
        if space == "probability" or (space == "raw" and first.min() >= 0 and first.max() <= 1):
            yield self.predictor, lambda scores: _log_odds(choose(scores)), "logit"
        if space != "raw" and self.predictor.backend == "torch" and hasattr(self.predictor, "snapshot"):
            yield self._logit_predictor(), choose, "logit"

    def _choice(self, explanation: Explanation, first: Scores) -> Callable[[Scores], Scores]:
        if explanation.targets:
            if max(explanation.targets) >= first.shape[1]:
                raise InputError(
                    f"The explanation is of output {max(explanation.targets)}, but the model has "
                    f"{first.shape[1]}: it is "
                    "of another model. Judge it against the one it was made of."
                )
            return lambda scores: scores[:, list(explanation.targets)]
        if self.targets is None:
            raise InputError(
                f"The explained outputs ({', '.join(explanation.output_names)}) are functions, which an "
                f"explanation does "
                "not keep: pass targets= to the Subject."
            )
        found = resolve_targets(self.targets, self.predictor, first)
        return found.select

    def _probable(self, explanation: Explanation) -> tuple[Predictor, Callable[[Scores], Scores], str]:
        self._space(explanation)  # of this model at all
        first = self._at_instance(self.predictor)
        if self.predictor.output_space != "probability":
            raise InputError(
                f"Probabilities were asked for, but the model answers in {self.predictor.output_space} values: pass "
                'output="probability" to the Subject, or space="auto".'
            )
        return self.predictor, self._choice(explanation, first), "probability"

    def _logit_predictor(self) -> Predictor:
        """The network before its last softmax or sigmoid."""
        if self._logits is None:
            from jupyter_xai.models.ending import Logits

            predictor: Any = self.predictor
            _, (module, kind, _, names) = predictor.__reduce__()
            self._logits = wrap(Logits(module), kind=kind, output="logit", output_names=names)
        return self._logits

    def _at_instance(self, predictor: Predictor) -> Scores:
        if id(predictor) not in self._full:
            with predictor.run():
                self._full[id(predictor)] = predictor.predict(self.bound.instance())
            self.n_rows += 1
        return self._full[id(predictor)]

    # --- answers ------------------------------------------------------------------------------------------------

    def on_masks(
        self, masks: NDArray[np.bool_], explanation: Explanation, space: str = "auto"
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """The model with features absent, averaged over the masker's draws, in the explanation's outputs and space.

        Parameters
        ----------
        masks : ndarray of shape (n, n_features), bool
            True keeps.
        explanation : Explanation
        space : {"auto", "probability"}
            Auto: that of the explanation.

        Returns
        -------
        answers : ndarray of shape (n, outputs)
        whole, nothing : ndarray of shape (outputs,)
            With every feature present, and with none.

        Raises
        ------
        InputError
            If probabilities are asked of a model that gives none.
        """
        predictor, choose, _ = self._space(explanation) if space == "auto" else self._probable(explanation)
        evaluation = MaskEvaluation(
            predictor,
            self._bound_to(predictor),
            _Fixed(masks),
            np.arange(self.n_features),
            kind=self.kind,
            batch_size=self.batch_size,
            live=False,
            pool=self.pool,
        )
        with predictor.run():
            found = np.concatenate(
                [block.outputs for block in evaluation.blocks(len(masks)) if len(block.outputs)]
            )
        self.n_rows += evaluation.n_rows
        chosen = choose(found)
        return chosen[2:], chosen[0], chosen[1]

    def on_rows(
        self, n: int, build: Callable[[int, int], Batch], explanation: Explanation, name: str = ""
    ) -> NDArray[np.float64]:
        """The model on n rows of one's own making, (n, outputs).

        Parameters
        ----------
        n : int
        build : callable
            ``build(start, stop)`` makes some of them.
        explanation : Explanation
        name : str, optional
            Rows of the same name are the same for every explanation, and asked about once.
        """
        predictor, choose, _ = self._space(explanation)
        key = (id(predictor), name)
        if name and key in self._asked:
            return choose(self._asked[key])
        calls = _Rows(predictor, kind=self.kind, batch_size=self.batch_size, live=False, pool=None)
        with predictor.run():
            found = calls.answers(n, build, self.bound.instance)
        self.n_rows += calls.n_rows
        if name:
            self._asked[key] = found
        return choose(found)

    def _bound_to(self, predictor: Predictor) -> Any:
        return self.bound if predictor is self.predictor else self.masker.bind(self.x, predictor)

    @contextmanager
    def counted(self) -> Iterator[Callable[[], int]]:
        """How many rows were asked about since, as a function."""
        before = self.n_rows
        yield lambda: self.n_rows - before

    # --- what an explanation says of the masker's features ------------------------------------------------------

    def contributions(self, explanation: Explanation) -> NDArray[np.float64]:
        """What an explanation says that each of the masker's features contributes, (outputs, n_features).

        Values per unit of the input (gradients) are multiplied by how far the input moves when the feature is absent;
        all are summed over what the feature is made of.

        Raises
        ------
        InputError
            If the explanation is of another instance or of features that do not fit.
        """
        if not per_unit(explanation):
            return onto(explanation, self.bound.layout)
        change = self._change()
        own = np.asarray(explanation.values)
        if isinstance(explanation.features, Columns):
            if own.shape[1] != change.size:
                raise InputError(
                    "The explanation holds gradients of groups of columns, and nothing says how far each column moves: "
                    "explain the columns by themselves."
                )
            moved = own * change
        elif isinstance(explanation.features, Pixels) and own.shape[1:] == change.shape:
            moved = own * change
        else:
            raise InputError(
                f"The explanation holds gradients of shape {own.shape[1:]}, the model's input has shape "
                f"{change.shape}: "
                "expected the same. Explain the same input with both."
            )
        from dataclasses import replace

        return onto(replace(explanation, values=moved), self.bound.layout)

    def importances(self, explanation: Explanation) -> NDArray[np.float64]:
        """In which order an explanation would have the masker's features removed, the highest first.

        Contributions, with their sign; of gradients, which say nothing of a direction, the size.
        """
        if not per_unit(explanation):
            return onto(explanation, self.bound.layout)
        from dataclasses import replace

        return onto(replace(explanation, values=np.abs(np.asarray(explanation.values))), self.bound.layout)

    def _change(self) -> NDArray[np.float64]:
        """The instance minus what it becomes with every feature absent, in the form of the model's input."""
        hidden = as_array(self.bound.build(np.zeros((1, self.n_features), dtype=np.bool_)))
        return np.asarray(as_array(self.bound.instance())[0] - hidden.mean(axis=0))


class _Fixed:
    """Given masks as a sequence of coalitions."""

    def __init__(self, masks: NDArray[np.bool_]) -> None:
        self._masks = masks

    def masks(self, start: int, stop: int) -> NDArray[np.bool_]:
        return self._masks[start:stop]


class _Rows(Calls):
    """Model calls on rows that no masker makes."""

    def answers(self, n: int, build: Callable[[int, int], Batch], instance: Callable[[], Batch]) -> Scores:
        self._start(lambda _: None, instance)
        parts, at = [], 0
        while at < n:
            stop = min(at + self._limit, n)
            answers = self._halved(partial(build, at, stop), stop - at)
            if answers is None:
                continue
            parts.append(answers)
            at = stop
        return np.concatenate(parts)


def per_unit(explanation: Explanation) -> bool:
    """Whether values are slopes, not contributions."""
    return explanation.value_unit == "per unit of the input"


def relative(explanation: Explanation) -> bool:
    """Whether values have no unit, so that only their order and proportions mean something."""
    return explanation.value_unit == "relevance"


def broken(explanation: Explanation) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """Which outputs have attributions that are not numbers, (outputs,), and a sentence for each."""
    parts = explanation.values if isinstance(explanation.values, tuple) else (explanation.values,)
    flat = np.concatenate([np.asarray(part).reshape(len(part), -1) for part in parts], axis=1)
    counts = (~np.isfinite(flat)).sum(axis=1)
    said = tuple(
        f"{count:,} of {flat.shape[1]:,} attributions of {name} by {explanation.method or 'this method'} are not "
        f"numbers, so nothing can be computed from them."
        for name, count in zip(explanation.output_names, counts.tolist(), strict=True)
        if count
    )
    return counts > 0, said


def as_array(batch: Batch) -> NDArray[np.float64]:
    """A model batch as float64.

    Raises
    ------
    InputError
        If it is not made of numbers.
    """
    if hasattr(batch, "detach"):
        return np.asarray(batch.detach().cpu().double().numpy())
    if hasattr(batch, "to_numpy"):
        batch = batch.to_numpy()
    try:
        return np.asarray(batch, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(
            "The model's input is not made of numbers, so it cannot be moved a little. Pass numeric columns, or "
            "a metric "
            "that removes features."
        ) from None


def _log_odds(scores: Scores) -> Scores:
    clipped = np.clip(scores, _CLIP, 1 - _CLIP)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))
