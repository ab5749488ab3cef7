"""How far from the truth ours and the peers are, at equal model calls, and whether our intervals hold it.

Usage: python benchmarks/accuracy.py [STUDY ...] [--smoke] [--seeds N] [--json PATH] [--list]

The truth is what an estimator would answer with infinitely many calls: enumerated, or a sum so long that its own error
does not count. *Error* is the median over seeds of the squared error relative to the truth's square, shown as its root.
*Factor* is the peer's median squared error over ours (95 % bootstrap interval). *Share of calls* is the least share
of the peer's calls that takes ours to the peer's error. A goal that is missed is reported, not failed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import traceback
import warnings
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before numpy and torch are loaded: they read these once
os.environ.setdefault("TQDM_DISABLE", "1")

from trials import STUDIES, Line, Scale, measure, table  # noqa: E402


def main() -> int:
    """Run the studies that the command line asks for, and print their tables."""
    options = parse()
    import studies  # noqa: F401 - registers them

    if options.list:
        print("\n".join(STUDIES))
        return 0
    unknown = [name for name in options.studies if name not in STUDIES]
    if unknown:
        sys.exit(f"no such study: {', '.join(unknown)}; there are {', '.join(STUDIES)}")
    warnings.filterwarnings("ignore")
    scale = Scale(smoke=options.smoke, seeds=2 if options.smoke else options.seeds)
    facts: dict[str, list[dict[str, object]]] = {}
    failed = []
    for name in options.studies or STUDIES:
        try:
            lines = run(name, scale)
        except Exception:  # noqa: BLE001 - one study's failure must not hide the others
            traceback.print_exc()
            failed.append(name)
            continue
        facts[name] = [{**line.cells, "met": line.met, **line.facts} for line in lines]
        print(f"{name}, {scale.seeds} seeds\n")
        for kind in dict.fromkeys(tuple(line.cells) for line in lines):
            print(table([line for line in lines if tuple(line.cells) == kind], judge=not scale.smoke), "\n")
    if options.json:
        Path(options.json).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    if failed:
        print(f"FAILED: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def run(name: str, scale: Scale) -> list[Line]:
    """All lines of one study, saying on the way how long each part took."""
    lines: list[Line] = []
    began = time.perf_counter()
    for asked in STUDIES[name](scale):
        lines += measure(asked, scale)
        print(f"{name}: {asked.work}: {time.perf_counter() - began:.1f} s", file=sys.stderr, flush=True)
        began = time.perf_counter()
    return lines


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Errors against the truth at equal calls; coverage of intervals."
    )
    parser.add_argument("studies", nargs="*", metavar="STUDY", help="studies to run; all without it")
    parser.add_argument("--smoke", action="store_true", help="two seeds on tiny sizes: does it run?")
    parser.add_argument("--seeds", type=int, default=30, help="seeds of each estimator (default 30)")
    parser.add_argument("--json", metavar="PATH", help="also write every error there")
    parser.add_argument("--list", action="store_true", help="print the names of the studies")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
