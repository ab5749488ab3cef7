"""Keep and retrain, remove and retrain: the script that makes the table of the docs runs, and measures what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[3] / "benchmarks"))

import retrain

ROOT = Path(__file__).resolve().parents[3]
METHODS = ["NormLIME", "global SHAP", "sensitivity", "SP-LIME's mean", "random"]


def test_columns_are_kept_alone_or_removed_and_the_others_stand_at_their_mean():
    X = np.arange(12.0).reshape(3, 2, 2)
    mean = np.full((2, 2), -1.0)
    columns = np.array([0, 3])
    kept = retrain.without(X, columns, True, mean).reshape(3, 4)
    removed = retrain.without(X, columns, False, mean).reshape(3, 4)
    np.testing.assert_array_equal(kept[:, columns], X.reshape(3, 4)[:, columns])
    np.testing.assert_array_equal(removed[:, [1, 2]], X.reshape(3, 4)[:, [1, 2]])
    assert (kept[:, [1, 2]] == -1).all()
    assert (removed[:, columns] == -1).all()


def test_a_table_a_data_set_and_methods_are_ahead_of_chance_on_digits():
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "benchmarks/retrain.py", "--smoke"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    tables = [part for part in done.stdout.split("\n\n") if part.strip()]
    assert [part.strip().split(" (")[0] for part in tables] == ["German credit, AUC", "Digits, accuracy"]
    for table in tables:
        head, _, *lines = [
            line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("|")
        ]
        assert head[1:] == ["KAR 10%", "KAR 25%", "ROAR 10%", "ROAR 25%"]
        assert [name for name, *_ in lines] == METHODS
        scores = np.array([[float(cell) for cell in cells] for _, *cells in lines])
        assert ((scores >= 0) & (scores <= 1)).all()
    # of digits a quarter of the squares at random teaches less than a quarter that a method names
    assert (scores[:4, 1] > scores[4, 1]).all()
    assert (scores[:4, 3] < scores[4, 3]).all()
