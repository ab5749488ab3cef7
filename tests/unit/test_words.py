from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from jupyter_xai.explanation import Fidelity, numbers, words
from jupyter_xai.explanation.rows import by_weight, nice_end, readable, rows, scale_end
from tests.golden.samples import (
    EVERY,
    credit,
    every_script,
    gradient,
    many_outputs,
    nothing,
    price,
    two_inputs,
)


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0"), (999.96, "1,000"), (123.456, "123"), (-0.5, "−0.5"), (1e12, "1.00e+12"), (np.nan, "…")],
)
def test_significant_digits(value: float, said: str) -> None:
    assert numbers.significant(value) == said


def test_signs_are_typographic_and_zero_has_none() -> None:
    assert numbers.signed(-0.0004) == "0.000"
    assert numbers.signed(0.0004) == "0.000"
    assert "-" not in numbers.signed(-1234.5, 1)


@pytest.mark.parametrize(
    ("state", "facts", "said"),
    [
        ("idle", {}, "waiting to start"),
        ("running", {"rows": 0, "total": 3000}, "calling the model · 0 of 3,000 rows"),
        ("running", {"rows": 2999, "total": 3000, "rate": 4.26}, "99 % · 2,999 of 3,000 rows · 4.26/s"),
        (
            "stopped",
            {"rows": 1200, "total": 3000, "random_state": 0},
            "stopped · 1,200 of 3,000 rows · seed 0",
        ),
        ("failed", {"rows": 640}, "failed after 640 rows"),
        ("failed", {}, "failed"),
        ("capped", {"rows": 10, "seconds": 200.0}, "finished · 10 rows · 3 min 20 s · no seed"),
        ("saved", {"rows": 3000, "random_state": 0}, "saved · 3,000 rows · seed 0"),
    ],
)
def test_state_lines(state: str, facts: dict, said: str) -> None:
    assert words.state_line(state, **facts) == said


def test_poor_fit_is_a_sentence_and_a_good_one_says_nothing() -> None:
    poor = dataclasses.replace(
        credit(), fidelity=Fidelity(r2=np.array([0.36, 0.9]), local_predictions=np.array([0.43, 0.5]))
    )
    assert words.poor_fit(poor, 0).endswith(
        "near this row (R² 0.36) and says 0.43 where the model says 0.64."
    )
    assert words.poor_fit(poor, 1) == ""
    assert words.poor_fit(nothing()) == ""
    assert words.fit_words(float("nan"), 0.3, "probability") == "its fit could not be measured"


def test_sentences() -> None:
    assert words.sentence(nothing()) == "No feature changes this output: 600 altered rows all gave 0.300."
    assert words.sentence(every_script()) == "Nothing stands out from zero yet."
    assert words.sentence(many_outputs()) == "5 of 24 pieces raise it, 4 lower it, 15 could be zero."
    # the same words stand in the live view (js/test/golden.test.ts)
    assert (
        words.sentence(gradient())
        == "65 % of the weight raises it, most at the left; 35 % lowers it, most at the lower left."
    )
    up = dataclasses.replace(gradient(), values=np.abs(gradient().values))
    assert words.sentence(up) == "100 % of the weight raises it, most at the lower left."
    assert words.sentence(dataclasses.replace(up, values=0 * up.values)) == "No pixel changes this output."
    one_way = dataclasses.replace(price(), values=np.abs(price().values))
    assert words.sentence(one_way, name=lambda name: name[:5]).endswith("; nothing clearly lowers it.")
    other_way = dataclasses.replace(price(), values=-np.abs(price().values))
    assert words.sentence(other_way).startswith("Lowered most by rooms")


def test_sums() -> None:
    assert words.sum_line(price()) == "180,000 average + 40,780 from 5 features = 220,780; adds up exactly"
    assert words.sum_line(gradient()).endswith(
        "from 3,072 pixels = 0.73; 0.02 unexplained, in layer norm2 and softmax"
    )
    assert "194 features" in words.sum_line(two_inputs())
    assert words.sum_line(every_script()) == ""


def test_a_tiny_probability_is_not_said_as_zero_beside_its_weights() -> None:
    tiny = dataclasses.replace(
        credit(2),
        values=np.array([[1.5e-6, -4e-7]] * 2),
        std_errors=None,
        base_values=np.array([3e-6, 0.5]),
        predictions=np.array([4.1e-6, 0.5]),
    )
    assert words.headline(tiny).endswith(" < 0.001")
    assert words.sum_line(tiny).startswith("0.00000300 intercept + 0.00000110 from 2 features = 0.00000410")
    assert words.sum_line(tiny, 1).startswith("0.500 intercept + 0.000 from 2 features = 0.500")


@pytest.mark.parametrize("name", EVERY)
def test_every_output_has_a_text_alternative(name: str) -> None:
    explanation = EVERY[name]()
    for output in range(len(explanation.output_names)):
        said = words.text_alternative(explanation, output)
        assert explanation.output_names[output] in said
        assert not re.search(r"\bnan\b", said)


def test_rows_keep_feature_order_and_several_inputs_name_theirs() -> None:
    found = rows(two_inputs(), 1)
    assert [row.name for row in found] == ["scan: all pixels", "record: age", "record: sex"]
    assert [row.feature for row in rows(credit())] == list(range(19))


def test_weights_that_are_not_numbers_come_last_and_do_not_set_the_scale() -> None:
    broken = dataclasses.replace(credit(3), values=np.array([[np.nan, 0.1, -0.3]] * 2), std_errors=None)
    found = rows(broken)
    assert [row.feature for row in by_weight(found)] == [2, 1, 0]
    assert scale_end(found) == 0.3
    assert nice_end(float("inf")) == 1.0
    assert readable("a <= 1 != b") == "a ≤ 1 ≠ b"
