from __future__ import annotations

import itertools

import numpy as np

from jupyter_xai.kernels._stream import BLOCK, Gate, checkpoints, instances


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_gate_waits_for_the_pause_and_for_the_cost_of_the_last():
    clock = Clock()
    gate = Gate(clock)
    assert gate.due()
    gate.open()
    clock.now = 0.001
    gate.close()
    clock.now = 0.05
    assert not gate.due()
    clock.now = 0.0511
    assert gate.due()
    gate.open()
    clock.now = 1.0511  # this one took a second
    gate.close()
    clock.now = 5.0
    assert not gate.due()
    clock.now = 5.06
    assert gate.due()


def test_solving_never_takes_more_than_a_fifth():
    clock, solving = Clock(), 0.0
    gate = Gate(clock)
    while clock.now < 100:
        clock.now += 0.01  # a batch
        if gate.due():
            gate.open()
            clock.now += 0.3
            solving += 0.3
            gate.close()
    assert solving / clock.now <= 0.2 + 0.01


def test_checkpoints_are_the_same_for_any_n():
    long = checkpoints(1_000_000)
    assert long[0] == 8 * BLOCK
    assert all(point % BLOCK == 0 for point in long)
    assert all(b <= 1.4 * a for a, b in itertools.pairwise(long))
    for n in (100, 256, 257, 5000):
        assert checkpoints(n) == tuple(point for point in long if point < n)


def test_rows_of_a_frame_keep_their_types():
    import pandas as pd

    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    rows = list(instances(frame))
    assert [row.shape for row in rows] == [(1, 2), (1, 2)]
    assert (rows[1].dtypes == frame.dtypes).all()
    assert [row.tolist() for row in instances(np.arange(4).reshape(2, 2))] == [[0, 1], [2, 3]]
