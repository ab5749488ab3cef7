from __future__ import annotations

import threading

import numpy as np
import pytest

from jupyter_xai import InputError, ModelError
from jupyter_xai.evaluation import Evaluation, Pool
from tests.unit.kernels.fakes import FakePredictor, MaskMasker


def summed(masks):
    return np.asarray(masks) @ np.arange(1.0, masks.shape[1] + 1)


def evaluation(predictor, pool=None, batch_size=16, seed=0, d=5):
    around = MaskMasker().neighbourhood(d, predictor, random_state=seed)
    return Evaluation(predictor, around, kind="image", batch_size=batch_size, pool=pool)


def outputs(run, n, stops=()):
    return np.concatenate([block.outputs for block in run.blocks(n, stops)])


def test_blocks_are_the_sequence_in_calls_of_at_most_batch_size():
    model = FakePredictor(summed)
    run = evaluation(model)
    blocks = list(run.blocks(100))
    assert [b.start for b in blocks] == [0, *(b.stop for b in blocks[:-1])]
    assert blocks[-1].stop == run.n_rows == sum(model.sizes) == 100
    assert max(model.sizes) == 16
    for block in blocks:
        np.testing.assert_array_equal(block.outputs[:, 0], summed(block.features))
        assert block.features.shape == (block.stop - block.start, 5)
        assert block.distances.shape == (block.stop - block.start,)


def test_blocks_end_where_asked():
    stops = {b.stop for b in evaluation(FakePredictor(summed)).blocks(100, (10, 50, 200))}
    assert {10, 50, 100} <= stops
    assert 200 not in stops


def test_auto_begins_small_and_keeps_a_limit():
    model = FakePredictor(summed)
    run = evaluation(model, batch_size="auto")
    list(run.blocks(200))
    assert model.sizes[:4] == [8, 16, 32, 32]
    assert run.n_rows == 200


def test_auto_goes_by_the_size_of_a_row():
    class Heavy(MaskMasker):
        def neighbourhood(self, x, predictor, *, random_state=0, sampler="balanced"):
            around = super().neighbourhood(x, predictor, random_state=random_state)
            around.instance = lambda: np.zeros((1, 9_000_000), dtype=np.uint8)
            return around

    model = FakePredictor(summed)
    around = Heavy().neighbourhood(5, model)
    list(Evaluation(model, around, kind="image", batch_size="auto").blocks(20))
    assert max(model.sizes) == 3


@pytest.mark.parametrize("size", [0, -3, 2.5, "many", True, None])
def test_bad_batch_sizes(size):
    with pytest.raises(InputError, match="batch_size"):
        evaluation(FakePredictor(summed), batch_size=size)


class TorchLikeOutOfMemoryError(RuntimeError):
    pass


TorchLikeOutOfMemoryError.__name__ = "OutOfMemoryError"


@pytest.mark.parametrize("error", [MemoryError, TorchLikeOutOfMemoryError])
@pytest.mark.parametrize("wrapped", [False, True])
def test_out_of_memory_halves_says_so_and_changes_nothing(error, wrapped):
    def small_only(masks):
        if len(masks) > 5:
            if wrapped:
                raise ModelError("out") from error("full")
            raise error("full")
        return summed(masks)

    model = FakePredictor(small_only)
    run = evaluation(model, batch_size=32)
    found = outputs(run, 70)
    np.testing.assert_array_equal(found, outputs(evaluation(FakePredictor(summed)), 70))
    assert run.notices == ("The model ran out of memory; it is now called with at most 4 rows.",)
    assert run.n_rows == 70
    assert sum(size > 5 for size in model.sizes) == 3  # 32, 16, 8: never again


def test_out_of_memory_on_one_row_and_other_errors_are_raised():
    def always(masks):
        raise MemoryError

    with pytest.raises(MemoryError):
        outputs(evaluation(FakePredictor(always)), 10)

    def broken(masks):
        raise ModelError("broken", len(masks))

    with pytest.raises(ModelError, match="broken"):
        outputs(evaluation(FakePredictor(broken)), 10)


def test_pool_answers_again_and_goes_on():
    model, pool = FakePredictor(summed, stamp=1), Pool()
    cold = outputs(evaluation(model, pool), 50)
    model.sizes.clear()
    warm = evaluation(model, pool, batch_size=7)
    np.testing.assert_array_equal(outputs(warm, 50), cold)
    assert warm.n_rows == sum(model.sizes) == 0
    more = evaluation(model, pool)
    np.testing.assert_array_equal(outputs(more, 80)[:50], cold)
    assert more.n_rows == 30
    less = evaluation(model, pool)
    np.testing.assert_array_equal(outputs(less, 20), cold[:20])
    assert less.n_rows == 0


def test_another_seed_or_instance_is_another_sequence():
    model, pool = FakePredictor(summed, stamp=1), Pool()
    outputs(evaluation(model, pool), 50)
    other = evaluation(model, pool, seed=1)
    outputs(other, 50)
    assert other.n_rows == 50


def test_changed_stamp_empties_the_pool_and_is_said():
    model, pool = FakePredictor(summed, stamp=1), Pool()
    outputs(evaluation(model, pool), 50)
    model.mark, model.function = 2, lambda masks: 2 * summed(masks)
    run = evaluation(model, pool)
    assert (outputs(run, 50) == 2 * outputs(evaluation(FakePredictor(summed)), 50)).all()
    assert any("changed" in notice for notice in run.notices)
    assert run.n_rows == 50
    assert evaluation(model, pool).notices == ()


def test_without_a_stamp_the_instance_is_asked_again():
    model, pool = FakePredictor(summed), Pool()
    outputs(evaluation(model, pool), 50)
    same = evaluation(model, pool)
    outputs(same, 50)
    assert same.n_rows == 1
    assert same.notices == ()
    model.function = lambda masks: summed(masks) + 1
    changed = evaluation(model, pool)
    assert outputs(changed, 50)[0] == 16
    assert changed.n_rows == 51
    assert any("changed" in notice for notice in changed.notices)


def test_pool_is_bounded_and_drops_the_oldest():
    pool = Pool(max_bytes=8000)
    for name in "abc":
        pool.put("m", name, 0, np.zeros((400, 1)))
    assert pool.n_bytes <= 8000
    assert (pool.length("m", "a"), pool.length("m", "b"), pool.length("m", "c")) == (0, 400, 400)
    pool.get("m", "b", 0, 1)
    pool.put("m", "d", 0, np.zeros((400, 1)))
    assert (pool.length("m", "b"), pool.length("m", "c")) == (400, 0)
    pool.put("m", "d", 400, np.zeros((900, 1)))  # more than the pool holds: the start is kept
    assert pool.length("m", "d") == 400


def test_pool_ignores_what_does_not_follow():
    pool = Pool()
    pool.put("m", "s", 5, np.ones((3, 1)))
    assert pool.get("m", "s", 5, 8) is None
    pool.put("m", "s", 0, np.zeros((4, 1)))
    pool.put("m", "s", 4, np.ones((4, 1)))
    pool.put("m", "s", 2, np.full((9, 1), 9.0))
    assert pool.get("m", "s", 3, 6).ravel().tolist() == [0, 1, 1]
    assert pool.get("m", "s", 3, 9) is None
    assert pool.get("m", "s", 4, 8).ravel().tolist() == [1, 1, 1, 1]
    pool.clear()
    assert pool.length("m", "s") == pool.n_bytes == 0


def test_pool_holds_its_own_copy():
    pool, answers = Pool(), np.zeros((2, 1))
    pool.put("m", "s", 0, answers)
    answers[:] = 5
    assert (pool.get("m", "s", 0, 2) == 0).all()


def test_pool_is_shared_between_threads():
    pool = Pool(max_bytes=50_000)

    def work(name):
        for start in range(0, 2000, 10):
            pool.put(name, "s", start, np.full((10, 1), float(start)))
            pool.get(name, "s", 0, 5)

    threads = [threading.Thread(target=work, args=(str(i),)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert pool.n_bytes <= 50_000


def test_fresh_predictor_with_a_warm_pool_learns_its_names():
    model, pool = FakePredictor(summed, stamp=1), Pool()
    outputs(evaluation(model, pool), 30)
    model.output_names = ()
    run = evaluation(model, pool)
    outputs(run, 30)
    assert run.n_rows == 1
