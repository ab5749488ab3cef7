"""torch modules: a copy of their own, one set of weights a run, the user's module untouched."""

from __future__ import annotations

import copy
import threading
from collections.abc import Hashable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import CannotExplainError, InputError, ModelError
from jupyter_xai.models._base import Adapter
from jupyter_xai.models._outputs import OutputForm, decide
from jupyter_xai.protocols import Batch, Encoded, Kind

TAKES_TENSORS = (
    "{name} is a torch net, which takes tensors, not text. Pass masker=xai.Tokens(tokenizer), which turns text into "
    "token ids, or a function that takes a list of str, tokenises it, calls the net and returns the scores, shape "
    "(n, outputs)."
)

SNAPSHOT_BYTES = 512 * 2**20
"""Weights up to this size are copied for a run; larger ones are shared, and watched."""

_ATTEMPTS = 10
_ENDS = frozenset({"Softmax", "Sigmoid", "Softmax2d", "Hardsigmoid"})


class WeightsChanged(ModelError):  # noqa: N818 - reads as what happened
    """Shared weights changed during a run: the runner may restart once."""


@dataclass(frozen=True)
class Snapshot:
    """A copy of a module, where it is, and the stamp of the weights it shows."""

    module: Any
    stamp: Hashable
    shared: bool
    device: Any
    dtype: Any


class TorchPredictor(Adapter):
    """A ``torch.nn.Module``, explained as a structural copy in eval mode on the module's own device and
    dtype.

    A run explains one detached snapshot of the weights up to 512 MB; a larger model shares its weights with
    the copy, and a change of their version counters after a batch raises ``WeightsChanged``. A prediction
    outside a run uses the newest snapshot if the weights are still those, else a new one. Hooks are part of
    what the module computes and run on the copy.

    Parameters
    ----------
    module : torch.nn.Module
        In any mode; ``torch.compile`` and ``DataParallel`` are unwrapped.
    kind : {"table", "text", "image"}
        A table's batches are 2-D arrays, images' are tensors on ``device``, texts' are token ids (``Encoded``).
    output, output_names
        As for ``wrap``.

    Examples
    --------
    >>> import torch
    >>> net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Dropout(), torch.nn.Softmax(dim=1))
    >>> predictor = TorchPredictor(net, "table")
    >>> predictor.predict(np.ones((4, 3))).shape, predictor.output_space, net.training
    ((4, 2), 'probability', True)
    """

    backend = "torch"
    takes_ids = True

    def __init__(
        self, module: Any, kind: Kind, output: str = "auto", output_names: Sequence[str] | None = None
    ) -> None:
        module = unwrap(module)
        super().__init__(module, kind, output, output_names)
        self.native = "ended_net" if _last_leaf(module) in _ENDS else "net"
        self.device, self.dtype = _place(module)
        self._runs: list[tuple[int, Snapshot]] = []
        self._idle: Snapshot | None = None

    @property
    def concurrent(self) -> bool:
        """Each predictor calls a copy of its own, and torch releases the interpreter's lock."""
        return True

    def pinned(self) -> TorchPredictor:
        """A predictor of a copy of the module; of the module itself where that is too large to copy."""
        shot = snapshot(self.model)
        if shot.shared:
            return self
        twin = TorchPredictor(shot.module, self.kind, self.output, self._given)
        known = {"_form", "notices", "output_names", "output_space", "native"}
        vars(twin).update({name: value for name, value in vars(self).items() if name in known})
        return twin

    def stamp(self) -> Hashable:
        """Identity and version counter of every weight, and a few values (``.data`` moves no counter)."""
        return _stamp(self.model)

    def run(self) -> AbstractContextManager[None]:
        """Explain one set of weights from here on. Of runs that overlap, a thread sees its own newest."""
        return self._run()

    @contextmanager
    def _run(self) -> Iterator[None]:
        with self._entry.lock:
            entry = (threading.get_ident(), self._fresh(self._idle))
            self._idle = entry[1]
            self.device, self.dtype = self._idle.device, self._idle.dtype
            self._runs.append(entry)
        try:
            yield
        finally:
            with self._entry.lock:
                self._runs = [known for known in self._runs if known is not entry]

    def _fresh(self, known: Snapshot | None) -> Snapshot:
        """The known snapshot if it still shows the module's weights, else a new one."""
        stamp = self.stamp()
        return known if known is not None and known.stamp == stamp else snapshot(self.model)

    def snapshot(self) -> Snapshot:
        """The copy that is explained: within a run the run's, else one that shows the newest weights."""
        return self._current()

    def learn(self, columns: NDArray[np.float64]) -> OutputForm:
        """Settle outputs and space on an answer that came by another way, as ``predict`` does on its first.

        Parameters
        ----------
        columns : ndarray of shape (rows, columns)
        """
        if self._form is None:
            self._settle(decide(columns, self.native, self.output, self._given, None), columns, columns)
        assert self._form is not None
        return self._form

    def _current(self) -> Snapshot:
        if self._runs:
            own = [shot for thread, shot in self._runs if thread == threading.get_ident()]
            return own[-1] if own else self._runs[-1][1]
        self._idle = self._fresh(self._idle)
        return self._idle

    def _call(self, batch: Batch) -> Any:
        import torch

        shot = self._current()
        self.device, self.dtype = shot.device, shot.dtype
        with torch.inference_mode():
            if isinstance(batch, Encoded):
                ((_, arrays),) = batch.parts
                inputs = [self._moved(array) for array in arrays]
                named = dict(zip(batch.names, inputs, strict=True)) if batch.names else {}
                answer = shot.module(**named) if named else shot.module(*inputs)
            else:
                answer = shot.module(self._tensor(batch))
        if shot.shared and self.stamp() != shot.stamp:
            raise WeightsChanged(
                "The model's weights changed while it was being explained: it is being trained. "
                "Wait until training has ended, then run this again.",
                len(batch),
            )
        return answer

    def _moved(self, array: NDArray[Any]) -> Any:
        """Ids, masks and lengths on the net's device as they are, numbers in its dtype."""
        import torch

        tensor = torch.from_numpy(np.ascontiguousarray(array))
        return tensor.to(self.device, self.dtype if tensor.is_floating_point() else tensor.dtype)

    def _tensor(self, batch: Batch) -> Any:
        """Rows on the net's device in its dtype; float64 reaches only a net that is float64 itself."""
        import torch

        if isinstance(batch, list) and batch and isinstance(batch[0], str):
            raise CannotExplainError(TAKES_TENSORS.format(name=self.model_name))
        if not isinstance(batch, torch.Tensor):
            try:
                batch = torch.from_numpy(
                    np.array(batch, dtype=np.float64 if self.dtype == torch.float64 else np.float32)
                )
            except (TypeError, ValueError) as exc:
                raise InputError(
                    f"{self.model_name} is a torch net and takes numbers; the row holds something else "
                    f"({exc}). "
                    "Encode text and categories first, or pass a function that does."
                ) from None
        return batch.to(device=self.device, dtype=self.dtype)


def unwrap(module: Any) -> Any:
    """Look inside ``torch.compile`` and ``DataParallel``."""
    while True:
        if hasattr(module, "_orig_mod"):
            module = module._orig_mod  # noqa: SLF001 - the only way to what was compiled
        elif type(module).__name__ in {"DataParallel", "DistributedDataParallel"}:
            module = module.module
        else:
            return module


def snapshot(module: Any, limit: int = SNAPSHOT_BYTES) -> Snapshot:
    """Copy a module in eval mode with one consistent set of weights.

    Parameters
    ----------
    module : torch.nn.Module
    limit : int
        Bytes of parameters above which they are shared.

    Raises
    ------
    WeightsChanged
        If the weights never stand still long enough to be copied.
    """
    for _ in range(_ATTEMPTS):
        before = _stamp(module)
        size = sum(p.numel() * p.element_size() for p in module.parameters())
        shot = Snapshot(structural_copy(module, share=size > limit), before, size > limit, *_place(module))
        if _stamp(module) == before:
            return shot
    raise WeightsChanged(
        "The model's weights change faster than they can be copied: it is being trained. "
        "Wait until training has ended, then run this again."
    )


def structural_copy(module: Any, *, share: bool) -> Any:
    """Deep copy in eval mode whose parameters are shared, or detached copies; buffers are always copied.

    Tensors that are part of a graph (cached activations, computed weights) cannot be copied and are detached.
    """
    import torch

    memo: dict[int, Any] = {}
    with torch.inference_mode(mode=False), torch.no_grad():
        for parameter in module.parameters():
            memo[id(parameter)] = (
                parameter if share else torch.nn.Parameter(parameter.detach().clone(), requires_grad=False)
            )
        for buffer in module.buffers():
            memo[id(buffer)] = buffer.detach().clone()
        for part in module.modules():
            trainer = vars(part).get("_trainer")  # Lightning: the whole training set-up hangs on it
            if trainer is not None:
                memo[id(trainer)] = trainer
            _detach_cached(vars(part), memo, depth=4)
        try:
            twin = copy.deepcopy(module, memo)
        except Exception as exc:
            raise CannotExplainError(
                f"{type(module).__name__} cannot be copied ({type(exc).__name__}: {exc}), so it cannot be "
                "explained "
                "without touching it. Pass a function that calls it, for example lambda x: net(x)."
            ) from exc
        twin.eval()
    return twin


def _detach_cached(value: Any, memo: dict[int, Any], depth: int) -> None:
    import torch

    if isinstance(value, torch.Tensor):
        if not value.is_leaf and id(value) not in memo:
            memo[id(value)] = value.detach()
    elif depth and isinstance(value, dict):
        for item in list(value.values()):
            _detach_cached(item, memo, depth - 1)
    elif depth and isinstance(value, list | tuple | set):
        for item in list(value):
            _detach_cached(item, memo, depth - 1)


def _stamp(module: Any) -> Hashable:
    import torch

    tensors = [*module.parameters(), *module.buffers()]
    marks = tuple((id(t), -1 if t.is_inference() else t._version) for t in tensors)  # noqa: SLF001
    samples = []
    with torch.inference_mode():
        for t in tensors:
            if t.numel() and t.layout == torch.strided and not t.is_quantized and t.device.type != "meta":
                flat = t.reshape(-1) if t.is_contiguous() else t[(0,) * t.dim()].reshape(1)
                samples.append(flat[:: max(1, flat.numel() // 2)][:3].to(torch.float32))
        values = torch.cat(samples).cpu().numpy().tobytes() if samples and _one_device(samples) else b""
    return marks, values


def _one_device(tensors: list[Any]) -> bool:
    return len({t.device for t in tensors}) == 1


def _place(module: Any) -> tuple[Any, Any]:
    """Device of the first weight, and dtype of the first floating one."""
    import torch

    tensors = [*module.parameters(), *module.buffers()]
    if any(type(t).__name__.startswith("Uninitialized") for t in tensors):
        raise InputError(
            f"{type(module).__name__} has lazy layers without weights yet. Call it once on an input, then "
            "explain it."
        )
    device = tensors[0].device if tensors else torch.device("cpu")
    if device.type == "meta":
        raise InputError(
            f"{type(module).__name__} is on the meta device: it has no weights. Load them first."
        )
    floats = [t.dtype for t in tensors if t.is_floating_point()]
    return device, floats[0] if floats else torch.float32


def _last_leaf(module: Any) -> str:
    """Type name of the last module without children."""
    leaves = [part for part in module.modules() if not any(True for _ in part.children())]
    return type(leaves[-1]).__name__ if leaves else ""
