"""Explanations over many rows whose encoded form both test suites read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from jupyter_xai.explanation import Columns, GlobalExplanation, Pick, RowSample
from jupyter_xai.wire import encode_overview, encode_status
from tests.golden.samples import XSS

NAMES = (
    "checking account", "duration", "credit history", "credit amount", "purpose", "savings", "age in years",
    "employed since", XSS, "other instalment plans at stores or banks", "telephone", "foreign worker",
)  # fmt: skip
PURPOSES = ("car", "radio, TV", XSS)


def sampled(values: np.ndarray, rows: int, rng: np.random.Generator) -> RowSample:
    """Rows whose weights go with their values, more or less."""
    outputs, features = values.shape
    inputs = rng.integers(0, 3, size=(rows, features)).astype(np.float32)
    slope = (inputs - 1) * np.where(np.arange(features) % 2, 1, -1)
    weights = values[None] * (slope + rng.normal(size=(rows, features)) / 4)[:, None]
    if outputs == 2:
        weights[:, 0] = -weights[:, 1]
    weights[::5, :, -1] = np.nan
    given = np.random.default_rng(rows).dirichlet(np.ones(outputs) / 2, size=rows)
    return RowSample(
        rows=np.arange(rows) * 37,
        features=np.arange(features),
        values=weights.astype(np.float32),
        inputs=inputs,
        predictions=given.astype(np.float32),
        predicted=given.argmax(axis=1),
    )


def credit() -> GlobalExplanation:
    """German credit by NormLIME: two classes, dots, and with them what other kernels have."""
    rng = np.random.default_rng(3)
    n = len(NAMES)
    importance = 0.12 / (1 + np.arange(n)) ** 0.8
    values = np.stack([importance * 0.9, importance])
    errors = np.stack([importance * 0.12, importance * 0.12])
    errors[:, -3:] *= 6  # could be zero
    signed = values * rng.uniform(-1, 1, size=n)
    pairs = np.abs(rng.normal(size=(n, n))) * np.sqrt(np.outer(importance, importance))
    pairs = pairs + pairs.T
    return GlobalExplanation(
        values=values,
        std_errors=errors,
        signed=np.stack([-signed[1], signed[1]]),
        support=np.tile(np.where(np.arange(n) > 6, 31, 150), (2, 1)),
        overall=importance,
        overall_std_errors=errors[0],
        interactions=np.stack([pairs, pairs]),
        feature_names=NAMES,
        output_names=("good credit", "bad credit"),
        sample=sampled(values, 24, rng),
        picks=tuple(
            Pick(
                row=37 * i,
                gain=0.3 / (i + 1),
                adds=np.array([3 * i, 3 * i + 1, 3 * i + 2]),
                features=np.arange(n)[i::2],
                weights=importance[i::2],
                predicted="bad credit" if i == 1 else "good credit",
                prediction=0.6 + i / 10,
            )
            for i in range(3)
        ),
        predicted=np.array([116, 34]),
        coverage=np.array([0.3, 0.6, 0.82]),
        layout=Columns(
            names=NAMES,
            values=(0,) * n,
            kinds=("category",) * n,
            members=tuple((i,) for i in range(n)),
            categories=tuple(PURPOSES if i == 4 else None for i in range(n)),
        ),
        n_rows=150,
        total_rows=150,
        output_unit="probability",
        value_unit="probability",
        method="norm_lime",
        notices=(f"A notice with {XSS}.",),
    )


def many() -> GlobalExplanation:
    """Twenty classes and ninety words."""
    rng = np.random.default_rng(4)
    values = rng.gamma(0.4, 0.1, size=(20, 90))
    return GlobalExplanation(
        values=values,
        std_errors=values / 9,
        overall=values.mean(axis=0),
        overall_std_errors=values.mean(axis=0) / 20,
        support=rng.integers(1, 400, size=(20, 90)),
        feature_names=tuple(
            f"word{i}" if i % 9 else f"a_rather_long_word_without_a_space_{i}" for i in range(90)
        ),
        output_names=tuple(f"talk.politics.group number {i}" for i in range(20)),
        sample=sampled(values, 6, rng),
        n_rows=400,
        total_rows=1000,
        output_unit="probability",
        value_unit="probability",
        method="norm_lime",
        status="stopped",
    )


def places() -> GlobalExplanation:
    """Aligned pictures."""
    y, x = np.mgrid[-1:1:12j, -1:1:12j]
    values = np.stack([np.exp(-8 * (np.hypot(x, y) - 0.5) ** 2), np.exp(-9 * x**2)])
    return GlobalExplanation(
        values=values.reshape(2, -1),
        feature_names=tuple(f"{i // 12}, {i % 12}" for i in range(144)),
        output_names=("0", "1"),
        feature_shape=(12, 12),
        n_rows=60,
        method="norm_lime",
    )


OVERVIEWS: dict[str, Callable[[], GlobalExplanation]] = {"credit": credit, "many": many, "places": places}
LABELS = {"norm_lime": "NormLIME"}


def overview_state(found: GlobalExplanation, **display: int) -> dict[str, Any]:
    """What the page of many rows holds."""
    return {
        "overview": encode_overview(
            found,
            method_label=LABELS[found.method],
            explainer_label="LIME",
            said=lambda row: f"the words of row {row} {XSS}",
        ),
        "status": encode_status(
            run=1, state=found.status, rows=found.n_rows, total=found.total_rows, rate=53.0, seconds=2.8
        ),
        "display": display,
    }


def wide(features: int, outputs: int) -> GlobalExplanation:
    """As large as it gets."""
    rng = np.random.default_rng(5)
    values = rng.gamma(0.4, 0.1, size=(outputs, features))
    pairs = rng.gamma(0.4, 0.1, size=(outputs, 16, 16))
    found = replace(
        many(),
        values=values,
        std_errors=values / 9,
        overall=values.mean(axis=0),
        overall_std_errors=values.mean(axis=0) / 20,
        support=None,
        feature_names=tuple(f"{'an_unbroken_name_' * (4 if i % 5 == 0 else 1)}{i}" for i in range(features)),
        output_names=tuple(f"{'an_unbroken_class_' * 3}{i}" for i in range(outputs)),
        sample=sampled(values, 200, rng),
    )
    picks = tuple(
        Pick(row=i, gain=0.01, adds=np.arange(9), features=np.arange(20), weights=np.ones(20))
        for i in range(60)
    )
    whole = np.zeros((outputs, features, features))
    whole[:, :16, :16] = pairs
    return replace(found, picks=picks, coverage=np.linspace(0.1, 1, 60), interactions=whole)
