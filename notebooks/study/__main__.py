"""The whole study: measure, then run the notebook, which writes the page of the docs. See ``make study``.

Usage, from the folder of the notebooks: python -m study [--measure | --ready] [MNIST | Fashion-MNIST]

--measure    measure only; with a name that network's alone, so that two can run beside each other
--ready      measure nothing more, and write the page of what there is
"""

from __future__ import annotations

import os
import sys

from study.measure import measure
from study.networks import NETWORKS
from study.setting import FOLDER, KEPT, Setting


def main() -> None:
    """Measure what is not kept yet; then the notebook."""
    wanted = [each for each in sys.argv[1:] if not each.startswith("-")] or list(NETWORKS)
    unknown = sorted(set(wanted) - set(NETWORKS))
    if unknown or set(sys.argv[1:]) - set(NETWORKS) - {"--measure", "--ready"}:
        sys.exit(__doc__)
    if "--ready" in sys.argv:
        os.environ["XAI_STUDY"] = "ready"  # also for the notebook's kernel
    setting = Setting.of_budget()
    for name in wanted:
        net, pictures = NETWORKS[name](setting)
        measure(net, pictures, setting)
    if "--measure" not in sys.argv:
        execute()


def execute() -> None:
    """Run the notebook; the executed one lies beside the measurements."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(FOLDER / "study.ipynb", as_version=4)
    NotebookClient(notebook, timeout=None, resources={"metadata": {"path": str(FOLDER)}}).execute()
    KEPT.mkdir(exist_ok=True)
    nbformat.write(notebook, KEPT / "study.ipynb")
    sys.stderr.write(f"The executed notebook is {KEPT / 'study.ipynb'}.\n")


if __name__ == "__main__":
    main()
