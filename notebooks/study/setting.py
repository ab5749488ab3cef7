"""How much is measured, and where it is kept."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1]
KEPT = FOLDER / ".study"
"""Checkpoints, and the measurements of a whole run; git ignores it."""

DOCS = FOLDER.parent / ".github" / "docs"


@dataclass(frozen=True)
class Setting:
    """Sizes of a study.

    Parameters
    ----------
    n_images : int
        Pictures of each network that faithfulness is measured on, evenly from all classes.
    n_steady : int
        Those of them that stability and sanity are measured on.
    n_samples : int
        Samples of LIME and KernelSHAP.
    n_gradients : int
        Gradients of expected gradients.
    n_background : int
        Training pictures that DeepSHAP, expected gradients and sensitivity compare with.
    n_others : int
        Training pictures that hidden cells show under the judge "cells, other pictures".
    whole : bool
        Whether this is a whole run: then it is kept on disk, and its tables and pictures may be written to the docs.
    random_state : int
    ready : bool
        Take what is kept of a whole run, and measure nothing more.
    """

    n_images: int = 100
    n_steady: int = 10
    n_samples: int = 200
    n_gradients: int = 100
    n_background: int = 20
    n_others: int = 2
    whole: bool = True
    random_state: int = 0
    ready: bool = False

    @classmethod
    def of_budget(cls, budget: str | None = None) -> Setting:
        """What ``XAI_BUDGET`` asks for: nothing, or a small run ("small", or a number of samples): 8 pictures in all.

        ``XAI_STUDY=ready`` makes a whole run of what is kept of it.

        Examples
        --------
        >>> Setting.of_budget("small").n_images, Setting.of_budget("100").n_samples
        (4, 100)
        """
        budget = os.environ.get("XAI_BUDGET", "") if budget is None else budget
        if not budget:
            return cls(ready=os.environ.get("XAI_STUDY") == "ready")
        n = 200 if budget == "small" else int(budget)
        return cls(
            n_images=4,
            n_steady=1,
            n_samples=n,
            n_gradients=min(n, 40),
            n_background=10,
            n_others=1,
            whole=False,
        )
