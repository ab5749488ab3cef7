"""What the study says follows from its numbers, and a run that was stopped goes on where it was."""

from __future__ import annotations

import datetime as dt
import gzip
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

sys.path.append(str(Path(__file__).resolve().parents[2] / "notebooks"))

import study
from study import __main__ as script, claims, networks, page
from study.claims import CONFIRMED, CONTRADICTED, IN_PART, UNDECIDED
from study.measure import BACKGROUND, CELLS, GREY, LOOKS, METHODS, OTHERS, PIXELS, SPARSE, STEADY

from jupyter_xai.comparing.table import Benchmark, Record

SMALL = replace(
    study.Setting.of_budget("small"),
    n_images=2,
    n_samples=30,
    n_gradients=6,
    n_background=2,
    n_others=1,
)
measure = sys.modules["study.measure"]  # its function of this name hides it in the package
LOWER = {"infidelity", "infidelity (best scale)", SPARSE, BACKGROUND, "max-sensitivity"}


def bench(metrics, means, methods=METHODS, rows=12, spread=0.01):
    """A table with given means, ``means[metric][method]``, 0 where nothing is given; ties are exact."""
    records = [
        Record(
            row,
            method,
            "7",
            metric,
            means.get(metric, {}).get(method, 0.0) + spread * (-1) ** row * (at % 2),
            np.nan,
            "lower" if metric in LOWER else "higher",
            "",
            0.0,
            1,
        )
        for row in range(rows)
        for at, method in enumerate(methods)
        for metric in metrics
    ]
    return Benchmark(tuple(records), tuple(methods), tuple(metrics), rows)


FEW = ("deletion against random", "infidelity")


def made(faithful=None, looks=None, steady=None):
    """A study with given means."""
    faithful = faithful or {}
    tables = {judge: bench(FEW, faithful.get(judge, faithful)) for judge in (CELLS, PIXELS, OTHERS)}
    tables[LOOKS] = bench((SPARSE, BACKGROUND), looks or {}, (*METHODS, GREY))
    tables[STEADY] = bench(("rank stability", "top-k Jaccard", "max-sensitivity"), steady or {})
    return study.Study("MNIST", 0.9, "digits", 12, 12, 0.8, tables)


AHEAD = {"DeepSHAP": {FEW[0]: {"DeepSHAP": 1.0}, FEW[1]: {"DeepSHAP": -1.0}}}
LIMES_LOW = dict.fromkeys(claims.LIMES, -1.0)
LIMES_HIGH = dict.fromkeys(claims.LIMES, 1.0)


@pytest.mark.parametrize(
    ("claim", "given", "verdict", "said"),
    [
        (claims.deep_explainer, {"faithful": AHEAD["DeepSHAP"]}, CONFIRMED, "alone in front in 6"),
        (claims.deep_explainer, {}, UNDECIDED, "level with the best in 6"),
        (
            claims.deep_explainer,
            {"faithful": {FEW[0]: {"Grad-CAM": 1.0}}},
            CONTRADICTED,
            "Grad-CAM leads in 3",
        ),
        (
            claims.deep_explainer,
            {"faithful": {FEW[0]: {"Grad-CAM": 1.0}, FEW[1]: {"DeepSHAP": -1.0}}},
            IN_PART,
            "alone in front in 3",
        ),
        (
            claims.deep_explainer,
            {"faithful": {FEW[0]: {"DeepLIFT": 1.0}, FEW[1]: {"DeepSHAP": 1.0}}},
            CONTRADICTED,
            "behind it in 6",
        ),
        (
            claims.gradient_explainer,
            {"looks": {SPARSE: {"Expected gradients": -0.5}}},
            CONFIRMED,
            "Expected gradients needs the fewest",
        ),
        (
            claims.gradient_explainer,
            {"looks": {SPARSE: {"DeepLIFT": -0.5}}},
            CONTRADICTED,
            "DeepLIFT needs the fewest",
        ),
        (
            claims.lime_unstable,
            {"steady": {"rank stability": LIMES_LOW, "top-k Jaccard": LIMES_LOW}},
            CONFIRMED,
            "Of 12 comparisons of a LIME with another method that samples it is less steady in 12",
        ),
        (
            claims.lime_unstable,
            {"steady": {"rank stability": LIMES_LOW}},
            IN_PART,
            "less steady in 6 and steadier in 0",
        ),
        (
            claims.lime_unstable,
            {"steady": {"rank stability": LIMES_HIGH}},
            CONTRADICTED,
            "steadier in 6",
        ),
        (
            claims.kernel_explainer,
            {"looks": {BACKGROUND: {"KernelSHAP": 0.5, GREY: 0.9}}},
            CONFIRMED,
            "the choice of what hidden means",
        ),
        (
            claims.kernel_explainer,
            {"looks": {BACKGROUND: {"LIME slic": 0.5}}},
            CONTRADICTED,
            "more than 0 of the 8",
        ),
        (claims.slic_best, {"faithful": {FEW[0]: {"LIME slic": 1.0}}}, CONFIRMED, "alone in front in 3"),
        (
            claims.slic_best,
            {"faithful": {FEW[0]: {"LIME quickshift": 1.0}, FEW[1]: {"LIME quickshift": -1.0}}},
            CONTRADICTED,
            "LIME quickshift leads in 6",
        ),
        (claims.slic_best, {"faithful": {FEW[0]: {"LIME quickshift": 1.0}}}, CONTRADICTED, "behind it in 3"),
        (claims.lime_unstable, {}, UNDECIDED, "less steady in 0 and steadier in 0"),
        (claims.gradient_explainer, {}, UNDECIDED, "80 % of the sum"),
        (
            claims.gradient_explainer,
            {"looks": {SPARSE: {"DeepLIFT": -0.5, "DeepSHAP": 0.5}}},
            IN_PART,
            "DeepLIFT needs the fewest",
        ),
    ],
)
def test_a_claim_follows_from_the_numbers(claim, given, verdict, said):
    found = claim(made(**given))
    assert (found.verdict, found.study) == (verdict, "MNIST")
    assert said in found.evidence


def test_a_method_is_preferable_only_beyond_the_intervals():
    lines = study.preferable(made({FEW[0]: {"DeepLIFT": 1.0, "KernelSHAP": 0.5}}))
    said = {(judge, metric): sentence for judge, metric, sentence in lines}
    assert said[CELLS, FEW[0]].startswith("DeepLIFT: ahead of KernelSHAP, the next, by 0.5")
    assert said[CELLS, FEW[1]].endswith("has the best mean, level with all others.")
    lines = study.preferable(made({FEW[0]: {"DeepLIFT": 1.0, "KernelSHAP": 1.0}, FEW[1]: {"Grad-CAM": 1.0}}))
    assert lines[0][2] == "No method alone: DeepLIFT has the best mean, level with KernelSHAP."
    assert lines[1][2].endswith("level with all but Grad-CAM.")
    table = page.preferable_table(made({FEW[0]: {"DeepLIFT": 1.0}}))
    assert table[2].startswith(f"| {CELLS} | {FEW[0]} | DeepLIFT: ahead")


def test_disagreement_is_said():
    falling = {name: -float(at) for at, name in enumerate(METHODS)}
    rising = {name: float(at) for at, name in enumerate(METHODS)}
    apart = made(
        {
            CELLS: {FEW[0]: falling, FEW[1]: rising},  # of infidelity the lower is better: the same order
            PIXELS: {FEW[0]: falling, FEW[1]: rising},
            OTHERS: {FEW[0]: rising, FEW[1]: falling},
        }
    )
    names, matrix = claims.orders(apart)
    at = [names.index(f"{metric} ({judge})") for judge in (CELLS, OTHERS) for metric in FEW]
    assert np.allclose(matrix[np.ix_(at, at)], np.kron([[1, -1], [-1, 1]], np.ones((2, 2))))
    said = study.leaders(apart)
    assert said[0] == "MNIST, cells, black: DeepLIFT is in front or level with the best in 2 of 2 measures."
    assert said[2].startswith("MNIST, cells, other pictures: Sensitivity is")
    said = " ".join(study.disagreements(apart))
    assert "Sensitivity is preferable in" in said
    assert "Of 15 pairs of measures 8 put the methods in opposite orders" in said
    assert "the best method is another one in deletion against random and infidelity" in said


@pytest.fixture(scope="module")
def shown():
    """A network without learnt weights, and a few pictures."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 4, 5, stride=3), nn.ReLU(), nn.Flatten(), nn.Linear(256, 5), nn.Softmax(1)
    )
    return net.eval(), study.fashion(SMALL)


def test_a_stopped_run_goes_on(shown, tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "KEPT", tmp_path)
    net, pictures = shown
    whole = replace(SMALL, whole=True, n_steady=0)
    asked = []
    explained = measure.explained

    def counted(net, image, *rest):
        if len(asked) == 1:
            raise KeyboardInterrupt
        asked.append(image)
        return explained(net, image, *rest)

    monkeypatch.setattr(measure, "explained", counted)
    with pytest.raises(KeyboardInterrupt):
        study.measure(net, pictures, whole)
    half = study.measure(net, pictures, replace(whole, ready=True))
    assert (half.n_images, half.tables[CELLS].n_instances) == (1, 1)

    monkeypatch.setattr(measure, "explained", explained)
    full = study.measure(net, pictures, whole)
    monkeypatch.setattr(measure, "explained", None)  # all is kept: nothing is explained again
    again = study.measure(net, pictures, whole)
    fresh_setting = replace(whole, n_samples=31)
    with pytest.raises(TypeError):
        study.measure(net, pictures, fresh_setting)
    assert full.n_images == again.n_images == 2
    for name, table in full.tables.items():
        assert again.tables[name].metrics == table.metrics
        for metric in table.metrics:
            np.testing.assert_array_equal(again.tables[name].values(metric), table.values(metric))

    made_page = page.write_page(
        [replace(full, tables={**full.tables, STEADY: made().tables[STEADY]})], {}, whole, tmp_path
    )
    text = made_page.read_text()
    assert f"{dt.datetime.now(tz=dt.UTC).date():%B %Y}; random_state=0; jupyter_xai " in text
    assert "\n- Fashion-MNIST (" in text
    assert "2 pictures, stability and sanity on 0" in text
    assert text.count("| GradientExplainer is sparse |") == 1


@pytest.mark.parametrize("stopped_at", [0, 1, 2, 3, 4])
def test_the_whole_run_goes_on_from_wherever_it_was_stopped(shown, tmp_path, monkeypatch, stopped_at):
    """``make study`` over both networks: training, pictures, stability; then the notebook, once, at its end."""
    net, pictures = shown
    tiny = replace(SMALL, whole=True, n_steady=1)
    asked, executed = [], []
    one = bench(FEW, {}, rows=1)

    def work(kind, name):
        if len(asked) == stop:
            raise KeyboardInterrupt
        asked.append((kind, name))
        return one

    def judged(net, image, found, pictures, setting):
        return {CELLS: work("judged", pictures.name)}

    monkeypatch.setattr(measure, "KEPT", tmp_path)
    monkeypatch.setattr(measure, "explained", lambda *_: {})
    monkeypatch.setattr(measure, "judged", judged)
    monkeypatch.setattr(measure, "steady", lambda net, image, pictures, _: work("steady", pictures.name))
    monkeypatch.setattr(script, "execute", lambda: executed.append(len(asked)))
    monkeypatch.setattr(script.Setting, "of_budget", classmethod(lambda cls: tiny))
    nets = {name: lambda _, name=name: (net, replace(pictures, name=name)) for name in ("one", "two")}
    monkeypatch.setattr(script, "NETWORKS", nets)
    monkeypatch.setattr(sys, "argv", ["study"])
    whole = [(kind, name) for name in nets for kind in ("judged", "steady", "judged")]

    stop = stopped_at
    with pytest.raises(KeyboardInterrupt):
        script.main()
    assert (asked, executed) == (whole[:stopped_at], [])
    stop = None
    script.main()
    assert asked == whole  # nothing twice, nothing left out
    script.main()
    assert (asked, executed) == (whole, [6, 6])
    assert not list(tmp_path.rglob("*.part"))


KILLED = """
import dataclasses, sys, time
from pathlib import Path
sys.path.append(".")
import study
from study import __main__ as script, networks
from study.measure import CELLS
from jupyter_xai.comparing.table import Benchmark

measure = sys.modules["study.measure"]
measure.KEPT = networks.KEPT = Path(sys.argv.pop(1))
tiny = dataclasses.replace(study.Setting.of_budget("20"), n_images=6, n_steady=0, whole=True)
pictures = study.fashion(dataclasses.replace(tiny, whole=False))
few = dataclasses.replace(pictures, train=pictures.train[:32], train_labels=pictures.train_labels[:32])

most, done = int(sys.argv.pop(1)), []

def judged(*_):
    done.append(1)
    if len(done) > most:  # until it is killed
        time.sleep(600)
    return {CELLS: Benchmark((), ("LIME",), (), 1)}

measure.explained, measure.judged = lambda *_: {}, judged
script.NETWORKS = {"MNIST": lambda setting: (study.trained(study.vgg, few, setting, epochs=1), pictures)}
script.Setting.of_budget = classmethod(lambda cls: tiny)
script.main()
"""
"""The command with a tiny budget, which comes to a stand after so many pictures."""


def test_a_process_that_is_killed_keeps_what_it_measured_and_the_next_goes_on(tmp_path):
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    where = {"cwd": Path(study.__file__).parents[1], "stderr": subprocess.PIPE, "text": True}

    def kept():
        return {path.name: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")}

    with subprocess.Popen([*command, "2", "--measure"], **where) as process:
        end = time.monotonic() + 120
        while len(kept()) < 2 and process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        process.kill()
        process.communicate()
    first = kept()
    assert len(first) == 2
    (network,) = tmp_path.glob("*.pt")
    trained_at = network.stat().st_mtime_ns
    done = subprocess.run([*command, "4", "--measure"], timeout=240, check=False, **where)
    assert done.returncode == 0, done.stderr
    assert len(kept()) == 6
    assert first.items() <= kept().items()  # what was kept is not measured again
    assert network.stat().st_mtime_ns == trained_at  # nor is the network trained again
    assert ": 6 of 6, " in done.stderr


def test_every_method_is_judged_in_the_same_space(shown):
    net, pictures = shown
    found = study.explained(net, pictures.test[0], pictures, SMALL)
    assert set(found) == {*METHODS, GREY}
    assert {each.output_unit for each in found.values()} == {"logit"}
    tables = measure.judged(net, pictures.test[0], found, pictures, SMALL)
    for judge in (CELLS, PIXELS, OTHERS):
        values = tables[judge].values("deletion against random")
        assert values.shape == (1, 9)
        assert np.isfinite(values).all()
    assert np.isnan(tables[CELLS].values("infidelity")[0, METHODS.index("Grad-CAM")])
    share = tables[LOOKS].values(BACKGROUND)[0]
    assert share[METHODS.index("DeepLIFT")] < 0.01  # black is its baseline
    assert ((share >= 0) & (share <= 1)).all()


def test_looks_are_counted_by_hand():
    image = np.zeros((2, 2, 3), np.uint8)
    image[0] = 255
    layout = measure.xai.explanation.Pixels(image=image, channels=1)
    one = measure.xai.Explanation(
        values=np.array([[[[8.0, 0.0], [1.0, -1.0]]]]),
        features=layout,
        output_names=("7",),
        predictions=np.array([1.0]),
    )
    found = measure.looks({"DeepLIFT": one})
    assert found.values(SPARSE)[0, 0] == pytest.approx(1 / 4)
    assert found.values(BACKGROUND)[0, 0] == pytest.approx(2 / 10)


def test_what_a_budget_asks_for(monkeypatch):
    monkeypatch.delenv("XAI_BUDGET", raising=False)
    monkeypatch.delenv("XAI_STUDY", raising=False)
    assert study.Setting.of_budget() == study.Setting()
    monkeypatch.setenv("XAI_STUDY", "ready")
    assert study.Setting.of_budget().ready
    monkeypatch.setenv("XAI_BUDGET", "50")
    assert (study.Setting.of_budget().n_samples, study.Setting.of_budget().whole) == (50, False)


def test_pictures_come_from_the_first_place_that_has_them(tmp_path, monkeypatch):
    monkeypatch.setenv("FASHION_MNIST", str(tmp_path))
    sample = study.fashion(SMALL)
    assert sample.source.startswith("a sample of 600")
    assert (len(sample.train), len(sample.test)) == (500, 100)
    assert torch.bincount(sample.train_labels).tolist() == [100] * 5
    assert sample.chosen(5) == [int(torch.nonzero(sample.test_labels == each)[0]) for each in range(5)]

    pixels = np.arange(784 * 20, dtype=np.uint32).astype(np.uint8).reshape(20, 784)
    labels = np.tile(np.arange(10, dtype=np.uint8), 2)
    for part in ("train", "t10k"):
        (tmp_path / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(bytes(16) + pixels.tobytes()))
        (tmp_path / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes(8) + labels.tobytes()))
    debian = study.fashion(SMALL)
    assert "Debian" in debian.source
    assert len(debian.train) == 10
    shirt = debian.train[debian.train_labels == 4][0]  # class 6 of Fashion-MNIST
    np.testing.assert_allclose(shirt.ravel() * 255, pixels[6], atol=1e-4)


def test_openml_comes_before_the_sample_in_a_whole_run_alone(tmp_path, monkeypatch):
    import sklearn.datasets

    monkeypatch.setenv("FASHION_MNIST", str(tmp_path))

    def offline(*args, **kwargs):
        raise OSError("no route")

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", offline)
    assert study.fashion(replace(SMALL, whole=True)).source.startswith("a sample of 600")

    class Found:
        data = np.zeros((70000, 784), np.uint8)
        target = np.arange(70000).astype(str)
        target[:] = np.array([str(at % 10) for at in range(70000)])

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", lambda *args, **kwargs: Found)
    found = study.fashion(replace(SMALL, whole=True))
    assert (found.source, len(found.train), len(found.test)) == ("OpenML's Fashion-MNIST", 12000, 1000)
    monkeypatch.setattr(sklearn.datasets, "fetch_openml", offline)
    study.fashion(SMALL)  # a small run asks nothing of the network


def few_of(pictures):
    return replace(pictures, train=pictures.train[:64], train_labels=pictures.train_labels[:64])


def test_a_network_is_trained_once(tmp_path, monkeypatch):
    monkeypatch.setattr(networks, "KEPT", tmp_path)
    few = few_of(study.fashion(SMALL))
    state = torch.get_rng_state()
    first = study.trained(study.report, few, SMALL, epochs=1)
    assert (torch.get_rng_state() == state).all()
    assert not first.training
    monkeypatch.setattr(networks, "_fit", None)
    again = study.trained(study.report, few, SMALL, epochs=1)
    for one, other in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
    with pytest.raises(TypeError):  # another random state is another network
        study.trained(study.report, few, replace(SMALL, random_state=1), epochs=1)


def test_the_networks_are_those_of_the_report():
    digits = study.report()
    assert [each.out_channels for each in digits if isinstance(each, nn.Conv2d)] == [32, 64]
    assert [each.out_features for each in digits if isinstance(each, nn.Linear)] == [128, 10]
    clothes = study.vgg()
    assert all(each.inplace for each in clothes if isinstance(each, nn.ReLU))
    assert clothes(torch.zeros(2, 1, 28, 28)).sum(1).tolist() == pytest.approx([1.0, 1.0])


def test_training_that_takes_too_long_ends_with_a_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(networks, "KEPT", tmp_path)
    study.trained(study.report, few_of(study.fashion(SMALL)), SMALL, epochs=50, most_seconds=0.0)
    assert "Training was ended after 0 s, in epoch 1 of 50" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())  # half a network is not kept
