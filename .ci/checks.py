"""Every check there is, by name: `make test` and `make lint` run them all, the commit hooks one at a time.

Usage: python .ci/checks.py NAME... | lint | test [PYTEST ARGUMENT...]

All steps run, whatever fails; a failure of any fails the whole. `test` ends with pytest, whose summary comes
last.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from find_browser import NoBrowserError, find_browser

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules" / ".bin"
PYTHON = sys.executable
LIMIT = 1200  # seconds: no step takes a tenth of it

# name -> command, and the folder it runs in
STEPS: dict[str, tuple[list[str], Path]] = {
    "ruff": ([PYTHON, "-m", "ruff", "check", "."], ROOT),
    "format": ([PYTHON, "-m", "ruff", "format", "--check", "."], ROOT),
    "mypy": ([PYTHON, "-m", "mypy"], ROOT),
    "schema": ([PYTHON, "-m", "jupyter_xai.wire.generate_ts", "--check"], ROOT),
    "tsc": ([str(MODULES / "tsc"), "--project", "js"], ROOT),
    "biome": ([str(MODULES / "biome"), "ci", "."], ROOT / "js"),
    "vitest": ([str(MODULES / "vitest"), "run", "--config", "js/vitest.config.ts"], ROOT),
    "bundle": ([PYTHON, ".ci/hatch_build.py", "--force"], ROOT),
    "bench": ([PYTHON, "benchmarks/run.py", "--smoke"], ROOT),
}
LINT = ["ruff", "format", "mypy", "schema", "tsc", "biome"]


def main() -> int:
    """Run what the command line names."""
    names, rest = sys.argv[1:2], sys.argv[2:]
    if names == ["test"]:
        return test(rest)
    wanted = LINT if names == ["lint"] else [*names, *rest]
    unknown = [name for name in wanted if name not in STEPS]
    if unknown or not wanted:
        sys.exit(f"{__doc__}\nunknown: {' '.join(unknown)}; known: {' '.join(STEPS)}")
    failed = [name for name in wanted if not run(name)]
    return complain(failed)


def test(arguments: list[str]) -> int:
    """Run all steps, then pytest; a missing browser is a failure of its own, the other tests still run."""
    failed = [name for name in STEPS if not run(name)]
    header("pytest")
    # R: a test that passed only the second time is named at the end
    command = [PYTHON, "-m", "pytest", "--continue-on-collection-errors", "-r", "aR", *arguments]
    environment = {**os.environ, "XAI_BROWSER_RERUNS": "1"}
    try:
        environment["CHROMIUM"] = find_browser()
    except NoBrowserError as error:
        print(f"error: {error}", flush=True)
        failed.append("browser")
        command += ["-m", "not browser"]
    if subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, check=False).returncode:
        failed.append("pytest")
    return complain(failed)


def run(name: str) -> bool:
    """Run one step, say how long it took, and whether it passed."""
    command, folder = STEPS[name]
    header(name)
    started = time.monotonic()
    try:
        done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, timeout=LIMIT, check=False)
        passed, outcome = done.returncode == 0, f"exit code {done.returncode}"
    except subprocess.TimeoutExpired:
        passed, outcome = False, f"no end after {LIMIT} s"
    except OSError as error:
        passed, outcome = False, str(error)
    outcome = "passed" if passed else f"FAILED ({outcome})"
    print(f"{name}: {outcome} in {time.monotonic() - started:.1f} s", flush=True)
    return passed


def header(name: str) -> None:
    """Separate the output of the steps."""
    print(f"\n== {name}", flush=True)


def complain(failed: list[str]) -> int:
    """Name what failed, last of all; say nothing if nothing did."""
    if failed:
        print(f"\nFAILED: {', '.join(failed)}", file=sys.stderr, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
