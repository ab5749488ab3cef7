"""Ours, lime and the bare model on the same work, interleaved in one run.

Usage: python benchmarks/run.py [--smoke] [--only NAME ...] [--rounds N] [--threads N] [--cpu] [--json PATH]

*Bare* is the user's model called on ready-made rows in the batches our kernel sends: the floor. *Streamed* reads every
estimate of our kernel's stream, which begins with small batches and has a floor of its own. Times are medians; ratios
are taken within a round, shown as median (least–most). A goal that is missed is reported, not failed: only errors end
with a non-zero status.

numpy and torch get one thread each unless --threads or the usual variables say otherwise: what is compared is
work, and threads that wait for a core others use make times that compare nothing.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import platform
import sys
import time
import traceback
import warnings
from importlib.metadata import version
from pathlib import Path

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
if "--threads" in sys.argv[:-1]:
    os.environ.update(dict.fromkeys(THREADS, sys.argv[sys.argv.index("--threads") + 1]))
for _name, _value in [*dict.fromkeys(THREADS, "1").items(), ("MPLBACKEND", "Agg"), ("TQDM_DISABLE", "1")]:
    os.environ.setdefault(_name, _value)  # before numpy and torch are loaded: they read these once

from harness import ROWS, Outcome, Size, Skipped, measure, remarks, table  # noqa: E402

PACKAGES = ("lime", "numpy", "scikit-learn", "scikit-image", "torch")


def main() -> int:
    """Measure what the command line asks for, and print the table."""
    options = parse()
    import cases  # noqa: F401 - registers the rows

    if options.list:
        print("\n".join(ROWS))
        return 0
    unknown = [name for name in options.only if name not in ROWS]
    if unknown:
        sys.exit(f"no such row: {', '.join(unknown)}; there are {', '.join(ROWS)}")
    warnings.filterwarnings("ignore")
    keep_memory()
    clock = time.process_time if options.cpu else time.perf_counter
    size = Size(smoke=options.smoke, rounds=options.rounds, clock=clock)
    started = time.perf_counter()
    outcomes: list[Outcome] = []
    failed: list[str] = []
    skipped: dict[str, str] = {}
    for name in options.only or ROWS:
        began = time.perf_counter()
        try:
            outcomes.append(measure(ROWS[name], size))
        except Skipped as why:
            skipped[name] = str(why)
        except Exception:  # noqa: BLE001 - one row's failure must not hide the others
            traceback.print_exc()
            failed.append(name)
        print(f"{name}: {time.perf_counter() - began:.1f} s", file=sys.stderr, flush=True)
    print(header(options, time.perf_counter() - started))
    print()
    print(table(outcomes, judge=not options.smoke))
    for outcome in outcomes:
        if said := remarks(outcome):
            print(f"\n{outcome.work}: {said}")
    for why in dict.fromkeys(skipped.values()):
        names = [name for name in skipped if skipped[name] == why]
        print(f"\nSkipped {', '.join(names)}: {why}")
    if options.json:
        facts = {"conditions": conditions(), "rows": [outcome.as_json() for outcome in outcomes]}
        Path(options.json).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    if failed:
        print(f"\nFAILED: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def keep_memory() -> None:
    """Let glibc keep what is freed.

    Else whether 25 MB of activations are page-faulted anew for each batch depends on what the heap looked like before:
    the same loop over the same batches then takes 0.9 s or 1.7 s.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return  # another C library
    mallopt(-3, 32 * 2**20)  # M_MMAP_THRESHOLD: its greatest value
    mallopt(-1, 2**30)  # M_TRIM_THRESHOLD


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Ours, lime and the bare model, interleaved in one run.")
    parser.add_argument("--smoke", action="store_true", help="each row once on tiny sizes: does it run?")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="NAME", help="rows to measure; all without it"
    )
    parser.add_argument("--rounds", type=int, default=7, help="rounds of a timed row (default 7)")
    parser.add_argument("--threads", type=int, help="threads of numpy and torch (default 1)")
    parser.add_argument("--cpu", action="store_true", help="count CPU time, where others use the machine")
    parser.add_argument("--json", metavar="PATH", help="also write every timing there")
    parser.add_argument("--list", action="store_true", help="print the names of the rows")
    return parser.parse_args()


def conditions() -> dict[str, object]:
    """Under what the figures hold."""
    import torch

    import jupyter_xai

    threads = {name: os.environ[name] for name in sorted(os.environ) if name.endswith("_NUM_THREADS")}
    versions = {"jupyter_xai": jupyter_xai.__version__, **{name: version(name) for name in PACKAGES}}
    return {
        "cpus": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "thread_variables": threads,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": versions,
    }


def header(options: argparse.Namespace, seconds: float) -> str:
    """Say under what the figures hold."""
    facts = conditions()
    variables = ", ".join(
        f"{name.split('_')[0]} {value}" for name, value in facts["thread_variables"].items()
    )
    versions = ", ".join(f"{name} {value}" for name, value in facts["versions"].items())
    how = "smoke run on tiny sizes: the figures mean nothing" if options.smoke else f"{options.rounds} rounds"
    return (
        f"{facts['cpus']} CPUs; threads: torch {facts['torch_threads']}, {variables}. "
        f"Python {facts['python']} on {facts['system']}; {versions}. {how}, {seconds:.0f} s in all.\n"
        f"{'CPU times' if options.cpu else 'Times'} are medians. Ratios are taken within a round: median (least–most)."
    )


if __name__ == "__main__":
    sys.exit(main())
