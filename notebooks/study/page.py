"""The page of the docs: tables, sentences and pictures of a whole run."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

import jupyter_xai as xai
from jupyter_xai.comparing.table import Benchmark
from study.claims import CLAIMS, GOODNESS, Finding, disagreements, leaders, number, preferable
from study.measure import CELLS, GREY, LOOKS, METHODS, OTHERS, PIXELS, STEADY, Study, of_methods
from study.setting import DOCS, Setting

WORDS = {
    CELLS: "What is removed are 49 cells of 4 × 4 pixels, which turn black.",
    PIXELS: "What is removed are single pixels, which turn black.",
    OTHERS: "What is removed are the same cells; they show training pictures, over which the answers are averaged.",
    LOOKS: "How few pixels carry the explanation, how much of it is on the background, of how many pieces it "
    "consists, and the model rows (or passes) that it took.",
    STEADY: "Relative change under a little noise; agreement between random states; what rank correlation is left "
    "when no weight is learnt.",
}


def write_page(
    studies: Sequence[Study], figures: Mapping[str, Figure], setting: Setting, folder: Path = DOCS
) -> Path:
    """Write ``study.md`` and its pictures.

    Parameters
    ----------
    studies : sequence of Study
    figures : dict of str to Figure
        Their captions, each beginning with the name of a study.
    setting : Setting
    folder : Path
        The folder of the docs.
    """
    (folder / "study").mkdir(parents=True, exist_ok=True)
    findings = [claim(study) for claim in CLAIMS for study in studies]
    lines = [*_head(studies, setting), "", "## In short", ""]
    lines += [f"- {said}" for study in studies for said in leaders(study)]
    lines += ["", "## The report's claims", "", *claims_table(findings), ""]
    for study in studies:
        lines += [f"## {study.name}", ""]
        for caption, figure in figures.items():
            if caption.startswith(study.name):
                name = f"study/{'-'.join(caption.lower().replace(':', '').split()[:4])}.png"
                figure.savefig(folder / name, dpi=70, pil_kwargs={"optimize": True})
                lines += [f"![{caption}]({name})", "", f"*{caption}*", ""]
        lines += ["### Which method is preferable", "", *preferable_table(study), ""]
        lines += ["### Where the measures disagree", "", *(f"- {said}" for said in disagreements(study)), ""]
        for judge, table in study.tables.items():
            n = study.n_steady if judge == STEADY else study.n_images
            lines += [
                f"### {judge[0].upper()}{judge[1:]}",
                "",
                f"{WORDS[judge]} Means over {n} pictures.",
                "",
            ]
            lines += [*means_table(table), ""]
    path = folder / "study.md"
    path.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    return path


def _head(studies: Sequence[Study], setting: Setting) -> list[str]:
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("torch", "numpy", "scikit-image", "scipy")
    )
    of_all = f" (of the {setting.n_images} that a run to its end measures)"
    nets = "\n".join(
        f"- {study.name} ({study.source}), right on {study.accuracy:.1%} of the test pictures: {study.n_images} "
        f"pictures{of_all if study.n_images < setting.n_images else ''}, stability and sanity on {study.n_steady}"
        for study in studies
    )
    today = dt.datetime.now(tz=dt.UTC).date()
    told = f"""\
# The study, again

A report put DeepLIFT, three SHAP explainers and LIME side by side on two networks, and could not tell which method is
preferable, because there were no metrics. Here they are judged. `make study` (`notebooks/study.ipynb`) writes this
page, its sentences included.

{today.day} {today:%B %Y}; random_state={setting.random_state}; jupyter_xai {xai.__version__}, Python
{platform.python_version()}, {versions}.

{nets}

LIME and KernelSHAP take up to {setting.n_samples} samples over some 40 pieces that turn black (quickshift about 20,
with a kernel of one pixel: with lime's four a picture of 28 × 28 is one piece or two), expected gradients
{setting.n_gradients}; DeepSHAP, expected gradients and sensitivity know {setting.n_background} training pictures. All
explain the logit of the likeliest class. Intervals are 95 % over pictures; a method is preferable only where the
interval of its paired difference to every other one excludes
zero (95 % for all differences of a measure together). Deletion and insertion are areas beside those of random orders.

How to read it: DeepLIFT, KernelSHAP and LIME ask what black pixels change, which is what two of the three judges do;
DeepSHAP and expected gradients ask what other pictures change, which is what the third does. A judge that asks a
method's own question favours it; so does local fidelity LIME, and infidelity KernelSHAP. The report used the reference
libraries; here the methods are this library's, on stand-ins for its pictures: a claim can be wrong here and have been
right there.
"""
    return told.splitlines()


def claims_table(findings: Sequence[Finding]) -> list[str]:
    """The claims as lines of Markdown."""
    lines = ["| claim | network | verdict | evidence |", "| --- | --- | --- | --- |"]
    return lines + [
        f"| {each.claim} | {each.study} | **{each.verdict}** | {each.evidence} |" for each in findings
    ]


def preferable_table(study: Study) -> list[str]:
    """Which method is preferable under which measure, as lines of Markdown."""
    lines = ["| what is removed | measure | preferable |", "| --- | --- | --- |"]
    return lines + [f"| {judge} | {metric} | {said} |" for judge, metric, said in preferable(study)]


def means_table(table: Benchmark) -> list[str]:
    """Means and half-widths of the methods, the winner in bold, as lines of Markdown."""
    labels = [each for each in (*METHODS, GREY) if each in table.methods]
    some = of_methods(table, labels)
    lines = [f"| measure | {' | '.join(labels)} |", f"| --- |{' ---: |' * len(labels)}"]
    for metric in table.metrics:
        means, halves, _ = some.mean(metric)
        winner = some.winner(metric) if metric in GOODNESS else ""
        cells = []
        for label, mean, half in zip(labels, means, halves, strict=True):
            wide = f" ± {number(half)}" if np.isfinite(half) and half > 0 else ""
            said = f"{number(mean)}{wide}"
            cells.append(f"**{said}**" if label == winner else said)
        end = f" ({table.better(metric)} is better)" if table.better(metric) and metric in GOODNESS else ""
        lines.append(f"| {metric}{end} | {' | '.join(cells)} |")
    return lines


def doubtful(net: torch.nn.Module, pictures: torch.Tensor) -> int:
    """The picture whose two likeliest classes are closest to each other."""
    with torch.no_grad():
        best = torch.cat([net(part).topk(2, dim=1).values for part in pictures.split(250)])
    return int((best[:, 0] - best[:, 1]).argmin())
