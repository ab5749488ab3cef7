# ruff: noqa: NPY002 - the global random state is what is looked at
"""What every explainer promises (DESIGN section 4), as functions that fail where one does not."""

from __future__ import annotations

import copy
import inspect
import random
import sys
from typing import Any

import numpy as np
import pandas as pd

from jupyter_xai.explanation import Explanation, ExplanationBatch
from jupyter_xai.protocols import Explainer
from tests.contract.cases import Case

WITHOUT_SPEC = {"model", "masker", "baseline", "background", "inputs", "random_state", "batch_size"}
BUDGET = 240


def make(cls: Any, case: Case, **kwargs: Any) -> Any:
    given: dict[str, Any] = {"batch_size": 32, "random_state": 3}
    given |= {spec.name: BUDGET for spec in cls.params if spec.name in {"n_samples", "n_steps"}}
    takes = inspect.signature(cls).parameters
    if "masker" in takes:
        return cls(case.model, case.masker, **{**given, **kwargs})
    if "background" in takes and case.background is not None:
        given["background"] = case.background
    return cls(case.model, inputs=case.masker, **{**given, **kwargs})


def first(case: Case) -> Any:
    rows = case.instances
    return rows.iloc[[0]] if isinstance(rows, pd.DataFrame) else rows[0]


def close(a: Explanation, b: Explanation, atol: float) -> None:
    np.testing.assert_allclose(a.values, b.values, atol=atol)
    if a.std_errors is not None:
        np.testing.assert_allclose(a.std_errors, b.std_errors, atol=atol, rtol=1e-5)
    assert a.n_evals == b.n_evals
    assert a.output_names == b.output_names


def constructor_stores_keywords_and_has_a_spec_for_each(cls: Any) -> None:
    signature = inspect.signature(cls)
    names = [n for n, p in signature.parameters.items() if p.kind is p.KEYWORD_ONLY]
    specs = {spec.name: spec for spec in cls.params}
    assert len(specs) == len(cls.params)
    assert set(specs) == set(names) - WITHOUT_SPEC
    for name, spec in specs.items():
        default = signature.parameters[name].default
        assert spec.default == default
        assert type(spec.default) is type(default)
        spec.validate(default)
        assert spec.doc
    marks = {name: object() for name in names}
    model, masker = object(), object()
    if "masker" in signature.parameters:
        made = cls(model, masker, **marks)
        assert made.masker is masker
    else:  # gradient kernels take what the input is made of as a keyword
        made = cls(model, **marks)
    assert getattr(made, "model", getattr(made, "explainer", None)) is model
    for name, mark in marks.items():
        assert getattr(made, name) is mark


def follows_the_protocol(cls: Any, case: Case) -> None:
    assert isinstance(make(cls, case), Explainer)


def same_arguments_give_the_same_bits(cls: Any, case: Case) -> None:
    np.random.seed(1)
    random.seed(1)
    one = make(cls, case).explain(first(case))
    np.random.seed(2)
    random.seed(2)
    kernel = make(cls, case)
    kernel.explain(first(case))
    two = kernel.explain(first(case))
    np.testing.assert_array_equal(one.values, two.values)
    np.testing.assert_array_equal(one.std_errors, two.std_errors)
    other = make(cls, case, random_state=4).explain(first(case))
    drawn = (
        one.std_errors is not None and np.isfinite(one.std_errors).all()
    )  # an unknown error is not one of chance
    assert not drawn or not np.array_equal(one.values, other.values)


def batch_size_does_not_matter(cls: Any, case: Case) -> None:
    base = make(cls, case).explain(first(case))
    for batch_size in (1, 7, 1000, "auto"):
        close(base, make(cls, case, batch_size=batch_size).explain(first(case)), 1e-6)


def at_most_batch_size_rows_a_call(cls: Any, case: Case) -> None:
    for batch_size in (1, 32):
        case.model.sizes.clear()
        e = make(cls, case, batch_size=batch_size).explain(first(case))
        assert max(case.model.sizes) <= batch_size
        assert e.n_rows == sum(case.model.sizes)


def budget_is_respected(cls: Any, case: Case) -> None:
    if not any(spec.name == "n_samples" for spec in cls.params):
        return
    for n in (50, BUDGET):
        e = make(cls, case, n_samples=n).explain(first(case))
        assert e.n_evals <= n
        assert e.forecast_evals is None or e.forecast_evals <= n


def explain_is_the_last_of_stream(cls: Any, case: Case) -> None:
    *running, last = make(cls, case).stream(first(case))
    close(last, make(cls, case).explain(first(case)), 1e-12)
    assert last.status in {"settled", "capped"}
    assert all(e.status == "running" for e in running)
    at_once = case.at_once or last.n_rows <= case.first_rows
    assert running or at_once
    assert at_once or running[0].n_rows <= case.first_rows
    evals = [e.n_evals for e in [*running, last]]
    assert evals == sorted(evals)


def partials_converge(cls: Any, case: Case) -> None:
    if case.at_once:
        return
    kernel = make(cls, case, batch_size=2)
    kernel.clock = _ticking()
    *_, last = estimates = list(kernel.stream(first(case)))
    gaps = [np.abs(e.values - last.values).max() for e in estimates]
    half = len(gaps) // 2
    assert len(gaps) > min(10, last.n_evals // 12)
    assert np.mean(gaps[half:]) < np.mean(gaps[:half])
    for e in estimates:
        assert np.isfinite(e.values).all()
        assert e.values.shape == (len(e.output_names), *e.features.shape)


def _ticking() -> Any:
    """A clock that ticks each time it is read, so that estimates come often whatever the machine does."""
    ticks = iter(range(10**9))
    return lambda: float(next(ticks))


def explain_batch_is_explain_row_by_row(cls: Any, case: Case) -> None:
    many = make(cls, case).explain_batch(case.instances)
    assert isinstance(many, ExplanationBatch)
    rows = (
        [case.instances.iloc[[i]] for i in range(2)] if hasattr(case.instances, "iloc") else [*case.instances]
    )
    assert len(many) == len(rows)
    for e, row in zip(many, rows, strict=True):
        close(e, make(cls, case).explain(row), 1e-6)


def input_is_not_touched(cls: Any, case: Case) -> None:
    x = first(case)
    before, masker = copy.deepcopy(x), copy.deepcopy(case.masker)
    make(cls, case).explain(x)
    dense = [one.toarray() if hasattr(one, "tocsr") else one for one in (x, before)]
    np.testing.assert_array_equal(np.asarray(dense[0]), np.asarray(dense[1]))
    for spec in case.masker.params:
        np.testing.assert_equal(getattr(case.masker, spec.name), getattr(masker, spec.name))


def global_random_states_are_left(cls: Any, case: Case) -> None:
    states = _global_states()
    make(cls, case).explain(first(case))
    stream = make(cls, case).stream(first(case))
    next(stream)
    stream.close()
    assert _global_states() == states


def _global_states() -> str:
    _, keys, *rest = np.random.get_state()
    torch = sys.modules.get("torch")
    drawn = None if torch is None else torch.get_rng_state().tolist()
    return repr((keys.tolist(), rest, random.getstate(), drawn))


def watch_stops_within_one_batch(cls: Any, case: Case) -> None:
    case.model.sizes.clear()
    calls = []
    *_, last = make(cls, case).stream(
        first(case), watch=lambda progress: calls.append(progress) or len(calls) < 2
    )
    assert len(calls) == 2
    assert sum(case.model.sizes) <= case.first_rows + 32
    assert np.isfinite(last.values).all()
    complete = last.n_evals == last.forecast_evals
    assert last.status == ("settled" if complete else "stopped")
    assert complete or not case.at_once
    if complete:  # when it was asked to stop: then it is the whole answer
        close(last, make(cls, case).explain(first(case)), 1e-12)


def closing_the_stream_stops_the_model(cls: Any, case: Case) -> None:
    case.model.sizes.clear()
    stream = make(cls, case).stream(first(case))
    next(stream)
    stream.close()
    assert sum(case.model.sizes) <= case.first_rows


CHECKS = [
    follows_the_protocol,
    same_arguments_give_the_same_bits,
    batch_size_does_not_matter,
    at_most_batch_size_rows_a_call,
    budget_is_respected,
    explain_is_the_last_of_stream,
    partials_converge,
    explain_batch_is_explain_row_by_row,
    input_is_not_touched,
    global_random_states_are_left,
    watch_stops_within_one_batch,
    closing_the_stream_stops_the_model,
]
