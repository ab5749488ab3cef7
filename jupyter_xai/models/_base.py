"""What all adapters share: the lock, the user's exceptions, the outputs' form, the global random states."""

from __future__ import annotations

import itertools
import random
import sys
import threading
import weakref
from collections.abc import Hashable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import CannotExplainError, InputError, ModelError, XaiError
from jupyter_xai.models._checks import as_scores, rows
from jupyter_xai.models._outputs import Native, OutputForm, decide
from jupyter_xai.protocols import Batch, Encoded, Kind, OutputSpace


def rows_in(batch: Batch) -> int:
    """Rows of a batch; a sparse matrix has no length.

    Examples
    --------
    >>> rows_in(["a", "b"])
    2
    """
    return int(batch.shape[0]) if hasattr(batch, "tocsr") else len(batch)


_SERIALS = itertools.count()


@dataclass
class Entry:
    """What all predictors of one model share."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    serial: int = field(default_factory=lambda: next(_SERIALS))


class _Held(threading.local):
    """Whether a thread is in a scope."""

    held = False


_ENTRIES: dict[int, tuple[weakref.ref[Any], Entry]] = {}
_ENTRIES_LOCK = threading.Lock()

_PROVISIONAL: dict[str, OutputSpace] = {
    "auto": "raw",
    "probability": "probability",
    "logit": "logit",
    "raw": "raw",
}


def entry_of(model: Any) -> Entry:
    """Lock and serial number of a model: the same for every predictor of it, for as long as the model lives.

    Examples
    --------
    >>> def f(x): ...
    >>> entry_of(f) is entry_of(f)
    True
    """
    owner = getattr(model, "__self__", None)  # a bound method is a new object each time it is looked up
    model = model if owner is None else owner
    key = id(model)
    with _ENTRIES_LOCK:
        known = _ENTRIES.get(key)
        if known is not None and known[0]() is model:
            return known[1]
        entry = Entry()
        with suppress(TypeError):  # what cannot be referred to weakly gets a lock for each predictor
            _ENTRIES[key] = (weakref.ref(model, lambda _: _ENTRIES.pop(key, None)), entry)
        return entry


class Adapter:
    """A predictor over the user's model; subclasses say how to call it.

    The model's lock is held for one *batch*, not for a run: a long explanation in a worker and a single
    prediction for a slider take turns, so that the hand never waits for more than one batch.

    ``output_names`` is empty and ``output_space`` provisional until the first answer where the model does not
    know them (nets, functions): predict the instance first, and read them and ``notices`` after that.

    Parameters
    ----------
    model : object
        The user's model.
    kind : {"table", "text", "image"}
        What batches hold.
    output : {"auto", "probability", "logit", "raw"}
        Output space asked for.
    output_names : sequence of str, optional
    """

    backend: Literal["numpy", "torch"] = "numpy"
    device: Any = None
    dtype: Any = None
    thread_safe: bool = False
    takes_ids: bool = False
    """Whether batches may be token ids."""
    native: Native = "function"
    classes: tuple[str, ...] | None = None

    def __init__(self, model: Any, kind: Kind, output: str, output_names: Sequence[str] | None) -> None:
        if output not in _PROVISIONAL:
            raise InputError(
                f'output={output!r} does not work: pass "auto", "probability", "logit" or "raw".'
            )
        if isinstance(output_names, str):
            raise InputError(
                f"output_names={output_names!r} is one text; pass a list with one name an output."
            )
        self.model = model
        self.kind = kind
        self.output = output
        self.model_name = name_of(model)
        self.output_names: tuple[str, ...] = ()
        self.output_space: OutputSpace = _PROVISIONAL[output]
        self.notices: tuple[str, ...] = ()
        self._given = None if output_names is None else tuple(output_names)
        self._form: OutputForm | None = None
        self._entry = entry_of(model)
        self._draws = False
        self._undisturbed = _Held()
        self.key: Hashable = (
            type(self).__name__,
            self._entry.serial,
            name_of(model),
            kind,
            output,
            self._given,
        )

    def predict(self, batch: Batch) -> NDArray[np.float64]:
        """Scores of a batch, in one call of the model.

        Parameters
        ----------
        batch : list of str, array, DataFrame or tensor

        Returns
        -------
        ndarray of shape (n, outputs)

        Raises
        ------
        ModelError
            If the model raises, or does not answer with finite scores.
        """
        n_rows = rows_in(batch)
        with self._entry.lock:
            with self._random_states():
                try:
                    answer = self._answer(batch)
                except XaiError:
                    raise
                except Exception as exc:
                    text = str(exc) or "it said nothing"
                    raise ModelError(
                        f"Your model raised {type(exc).__name__} on a batch of {rows(n_rows)}: {text}", n_rows
                    ) from exc
            scores = self._scores_of(answer, batch)
            if self._form is None:
                self._settle(
                    decide(scores, self.native, self.output, self._given, self.classes), scores, answer
                )
            assert self._form is not None
            return self._form.apply(scores)

    def stamp(self) -> Hashable:
        """Nothing that could be told cheaply."""
        return None

    def run(self) -> AbstractContextManager[None]:
        """A run's scope; without weights there is nothing to hold."""
        return nullcontext()

    @property
    def concurrent(self) -> bool:
        """Whether predictors of one model, each of its own, may be called by several threads at once."""
        return self.thread_safe

    def pinned(self) -> Adapter:
        """A predictor of the weights as they are now, whatever happens to the model meanwhile."""
        return self

    def own(self) -> Adapter:
        """Another predictor of the same model for a worker thread.

        It has a lock of its own where the model can be called by several threads at once, and goes by the form of the
        outputs that is already known.
        """
        twin = type(self)(self.model, self.kind, self.output, self._given)
        known = {"_form", "notices", "output_names", "output_space"}
        vars(twin).update({name: value for name, value in vars(self).items() if name in known})
        if self.concurrent:
            vars(twin)["_entry"] = Entry(serial=self._entry.serial)
        return twin

    def __reduce__(self) -> tuple[type[Adapter], tuple[Any, ...]]:
        """Pickle the model and what was asked of it: a worker's copy has its own lock and snapshots."""
        return type(self), (self.model, self.kind, self.output, self._given)

    def __repr__(self) -> str:
        """One line."""
        outputs = len(self.output_names) or "unknown"
        return f"<Predictor of {self.model_name}: {outputs} outputs, {self.output_space}>"

    def _call(self, batch: Batch) -> Any:
        raise NotImplementedError

    def _answer(self, batch: Batch) -> Any:
        """The model's answer; scores of texts whose rows are not of one length are put together from several calls."""
        if not isinstance(batch, Encoded):
            return self._call(batch)
        if not self.takes_ids:
            raise CannotExplainError(
                f"{self.model_name} does not take token ids. Pass masker=xai.Text() for a model that takes text, or a "
                "function on an array of ids."
            )
        if len(batch.parts) == 1:
            return self._call(batch)
        parts = [Encoded((part,), batch.names) for part in batch.parts]
        found = [(part.parts[0][0], self._scores_of(self._call(part), part)) for part in parts]
        scores = np.empty((rows_in(batch), found[0][1].shape[1]))
        for places, answers in found:
            scores[places] = answers
        return scores

    def _settle(self, form: OutputForm, scores: NDArray[np.float64], answer: Any) -> None:
        self._form = form
        self.output_space, self.output_names = form.space, form.names
        self.notices = (*self.notices, *form.notices)
        whole = getattr(getattr(answer, "dtype", None), "kind", "") in set("biu")
        if self.native == "function" and whole and scores.shape[1] == 1:
            labels = (
                "The model answers with whole numbers. If these are class labels, pass its predict_proba."
            )
            self.notices = (*self.notices, labels)

    def _scores_of(self, answer: Any, batch: Batch) -> NDArray[np.float64]:
        try:
            return as_scores(answer, rows_in(batch))
        except ModelError as error:
            if isinstance(batch, Encoded) and "NaN" in str(error):
                raise ModelError(
                    f"{error} A text whose words are all struck may be nothing but padding to it: another token "
                    "stands there with xai.Tokens(..., mask_id=), for example that of unknown words.",
                    rows_in(batch),
                ) from error
            raise

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Scope of calls between which no code of the user's runs: states are looked at once, not at every batch.

        That takes a quarter of a millisecond, as long as a small model takes for a hundred rows. In a worker thread
        they are looked at with every batch: cells draw meanwhile.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        outer = self._undisturbed.held
        with self._random_states():
            self._undisturbed.held = True
            try:
                yield
            finally:
                self._undisturbed.held = outer

    @contextmanager
    def _random_states(self) -> Iterator[None]:
        """Put the global random states back if the model moved them.

        A worker thread cannot tell the model's draws from those of a cell that runs meanwhile, and would
        rewind the latter; so there they are put back only if the model is known to draw.
        """
        if self._undisturbed.held:
            yield
            return
        before = _states()
        try:
            yield
        finally:
            moved = [name for name, state in _states().items() if not _same(state, before.get(name))]
            if moved and (self._draws or threading.current_thread() is threading.main_thread()):
                self._draws = True
                _restore(before, moved)


def name_of(model: Any) -> str:
    """What to call a model in a sentence.

    Examples
    --------
    >>> name_of(len), name_of("".join)
    ('len', 'str.join')
    """
    owner = getattr(model, "__self__", None)
    name = getattr(model, "__name__", "")
    if owner is not None and not isinstance(owner, type) and type(owner).__name__ != "module":
        return f"{type(owner).__name__}.{name}"
    return "function" if name == "<lambda>" else name or type(model).__name__


def loaded_torch() -> Any | None:
    """Return torch if somebody has imported it, all of it.

    A run's worker may come by while a cell is in the middle of ``import torch``; asking a half-imported torch for
    its random state ends the process.
    """
    torch = sys.modules.get("torch")
    half = getattr(getattr(torch, "__spec__", None), "_initializing", False)
    return None if half else torch


def _states() -> dict[str, Any]:
    """Global random states of the libraries that are loaded."""
    legacy = np.random.get_state(legacy=False)  # noqa: NPY002
    states: dict[str, Any] = {"random": random.getstate(), "numpy": legacy}
    torch = loaded_torch()
    if torch is not None:
        states["torch"] = torch.get_rng_state()
        if torch.cuda.is_initialized():
            states["cuda"] = torch.cuda.get_rng_state_all()
    return states


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return isinstance(b, dict) and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return b is not None and all(_same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, np.ndarray):
        return bool(np.array_equal(a, b))
    return bool(a.equal(b)) if hasattr(a, "equal") and b is not None else bool(a == b)


def _restore(before: dict[str, Any], moved: list[str]) -> None:
    if "random" in moved:
        random.setstate(before["random"])
    if "numpy" in moved:
        np.random.set_state(before["numpy"])  # noqa: NPY002
    torch = loaded_torch()
    if "torch" in moved and torch is not None and "torch" in before:
        torch.set_rng_state(before["torch"])
    if "cuda" in moved and torch is not None and "cuda" in before:
        torch.cuda.set_rng_state_all(before["cuda"])
