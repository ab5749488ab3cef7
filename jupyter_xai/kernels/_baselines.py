"""Reference inputs of gradient kernels: one baseline, or rows of a background, in the form of the network's inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jupyter_xai.errors import InputError
from jupyter_xai.kernels._inputs import Given, as_tensor
from jupyter_xai.kernels._network import Part
from jupyter_xai.protocols import Predictor


def baseline_parts(baseline: Any, given: Given, predictor: Predictor, module: Any) -> tuple[Part, ...]:
    """One row of reference inputs.

    Parameters
    ----------
    baseline : "zeros", "mean", "blur", "pad", "mask", array, tuple, callable or None
        None: the mean of a table's background, the padding token for ids, else zeros.
    given : Given
    predictor : Predictor
    module : torch.nn.Module

    Raises
    ------
    InputError
        If it does not fit the input.
    """
    parts = given.parts
    each = _each(baseline, parts)
    return tuple(
        part
        if part.role == "fixed"
        else Part(_one_baseline(each[at], part, given, predictor, module), part.role)
        for at, part in enumerate(parts)
    )


def _each(baseline: Any, parts: Sequence[Part]) -> list[Any]:
    if isinstance(baseline, Mapping):
        baseline = tuple(baseline.values())
    if isinstance(baseline, tuple) and len(parts) > 1:
        explained = [at for at, part in enumerate(parts) if part.role != "fixed"]
        if len(baseline) == len(parts):
            return list(baseline)
        if len(baseline) == len(explained):
            told = dict(zip(explained, baseline, strict=True))
            return [told.get(at) for at in range(len(parts))]
        raise InputError(
            f"baseline= is a tuple of {len(baseline)}, the network has {len(parts)} inputs, {len(explained)} of them "
            "explained. Pass one baseline an input."
        )
    return [baseline] * len(parts)


def _one_baseline(baseline: Any, part: Part, given: Given, predictor: Predictor, module: Any) -> Tensor:
    value = part.value
    if baseline is None:
        baseline = "pad" if part.role == "ids" else "mean" if _background(given) is not None else "zeros"
    if isinstance(baseline, str):
        return _named(baseline, part, given, module)
    if callable(baseline) and not isinstance(baseline, Tensor):
        baseline = baseline(value[0].cpu().numpy())
    found = as_tensor(baseline, predictor)
    if found.dim() == 0 or found.numel() == 1 < value.numel():
        found = found.reshape(()).expand(value.shape)
    if found.shape == value.shape[1:]:
        found = found[None]
    if found.shape != value.shape:
        raise InputError(
            f"baseline= has shape {tuple(found.shape)}, the input {tuple(value.shape[1:])}. Pass one of the input's "
            "shape, without a batch axis."
        )
    return found.to(value.dtype).contiguous()


def _background(given: Given) -> NDArray[Any] | None:
    """Rows of a table's background as numbers."""
    rows = getattr(given.masker, "background_rows", None)
    return None if rows is None else np.asarray(rows())


def _named(name: str, part: Part, given: Given, module: Any) -> Tensor:
    value = part.value
    if part.role == "ids":
        if name not in {"pad", "mask", "zeros"}:
            raise InputError(
                f'baseline={name!r} is not for token ids: expected "pad", "mask", "zeros" or an array.'
            )
        own = getattr(given.masker, "reference", None)
        if own is not None:
            return torch.as_tensor(own(name), device=value.device)
        padding = [m.padding_idx for m in module.modules() if getattr(m, "padding_idx", None) is not None]
        fallback = padding[0] if padding and name != "zeros" else 0
        return torch.full_like(value, fallback)
    if name == "zeros":
        return torch.zeros_like(value)
    if name == "mean":
        rows = _background(given)
        if rows is not None:
            return torch.as_tensor(rows.mean(axis=0), dtype=value.dtype, device=value.device)[None]
        if value.dim() == 4:
            return value.mean(dim=(2, 3), keepdim=True).expand(value.shape).contiguous()
        if value.dim() == 3:
            return value.mean(dim=1, keepdim=True).expand(value.shape).contiguous()
        raise InputError(
            'baseline="mean" of a row needs a background to take the mean of. Pass inputs=xai.Tabular(X), or the mean '
            "itself: baseline=X.mean(axis=0)."
        )
    if name == "blur" and value.dim() == 4:
        return _blur(value)
    raise InputError(
        f'baseline={name!r} does not work here: expected "zeros", "mean", "blur" (images), "pad" or "mask" (token '
        "ids), an array of the input's shape, a tuple of these, or a callable."
    )


def _blur(value: Tensor) -> Tensor:
    from scipy.ndimage import gaussian_filter

    sigma = max(1.0, min(value.shape[2:]) / 16)
    array = gaussian_filter(value[0].double().cpu().numpy(), (0, sigma, sigma), mode="nearest")
    return torch.as_tensor(array, dtype=value.dtype, device=value.device)[None]


def background_parts(background: Any, given: Given, predictor: Predictor) -> tuple[Part, ...]:
    """Rows of reference inputs, as many for each explained part.

    Parameters
    ----------
    background : array of shape (rows, ...), DataFrame, tuple of these, or None
        None: a table's own background.

    Raises
    ------
    InputError
        If there is none, or its rows are not like the input.
    """
    if background is None:
        background = _background(given)
    own = getattr(given.masker, "encoded_background", None)
    if own is not None and background is not None:
        background = own(background)
    if background is None:
        raise InputError(
            "This method averages over other inputs, and there are none: expected background=. Pass some of the "
            "training data, for example background=X_train[:100]."
        )
    each = (
        _each(background, given.parts)
        if isinstance(background, tuple | Mapping)
        else [background] * len(given.parts)
    )
    parts = []
    for rows, part in zip(each, given.parts, strict=True):
        if part.role == "fixed":
            parts.append(part)
            continue
        found = as_tensor(rows, predictor).to(part.value.dtype)
        if found.dim() != part.value.dim() or found.shape[1:] != part.value.shape[1:] or len(found) == 0:
            raise InputError(
                f"background= has shape {tuple(found.shape)}; expected rows like the input, (n, "
                f"{', '.join(str(n) for n in part.value.shape[1:])}). Pass rows of the same form."
            )
        parts.append(Part(found, part.role))
    if len({len(part.value) for part in parts if part.role != "fixed"}) > 1:
        raise InputError("background= has another number of rows for each input: expected as many of each.")
    return tuple(parts)
