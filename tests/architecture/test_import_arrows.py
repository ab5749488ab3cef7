"""Imports run one way: the table of DESIGN, held by reading every import there is, lazy ones included."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "jupyter_xai"
COMMON = {"errors", "protocols", "params"}
EVERYTHING = {"*"}

MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "params": {"errors"},
    # protocols name layouts, results and specs in annotations only
    "protocols": {"explanation", "params"},
    "registry": {"protocols"},
    "explanation": set(),
    "models": {"explanation"},
    "maskers": {"explanation"},
    "whatif": {"explanation"},
    "evaluation": {"models", "maskers", "explanation"},
    "kernels": {"evaluation", "models", "maskers", "explanation"},
    "responses": {"evaluation", "models", "maskers", "explanation"},
    "metrics": {"responses", "evaluation", "models", "maskers", "explanation"},
    "dataset": {"kernels", "evaluation", "models", "maskers", "explanation"},
    "wire": {"explanation"},
    "plot": {"explanation"},
    "widget": {"wire", "plot", "registry", "explanation", "whatif"},
    "api": EVERYTHING,
    "comparing": EVERYTHING,
    "edited": EVERYTHING,
    "inputs": EVERYTHING,
    "over_rows": EVERYTHING,
    "session": EVERYTHING,
    "__init__": EVERYTHING,
}
"""Which rooms a room may import, besides errors, protocols and params."""

EXTRA = {"explanation/outlets.py": {"plot", "widget"}}
"""The one file that hands results to pictures and pages, inside its functions."""

THIRD_PARTY = {
    "kernels": {"traitlets", "anywidget", "ipywidgets", "matplotlib", "IPython"},
    "widget": {"torch", "sklearn", "jupyter_xai.kernels"},
    "wire": {"traitlets", "anywidget", "ipywidgets", "torch", "sklearn"},
    "maskers": {"traitlets", "anywidget", "ipywidgets", "matplotlib"},
    "models": {"traitlets", "anywidget", "ipywidgets", "matplotlib"},
    "evaluation": {"traitlets", "anywidget", "ipywidgets", "matplotlib"},
}
"""Packages that do not belong in a room at all."""


def room(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    return parts[0].removesuffix(".py")


def imports(source: str, path: Path) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} relative import"
            module = node.module or ""
            found.append((node.lineno, module))
            if module == "jupyter_xai":
                found += [(node.lineno, f"jupyter_xai.{alias.name}") for alias in node.names]
    return found


def offences(source: str, path: Path) -> list[str]:
    here = room(path)
    allowed = MAY_IMPORT[here] | COMMON | {here} | EXTRA.get(str(path.relative_to(ROOT)), set())
    bad = []
    for line, module in imports(source, path):
        parts = module.split(".")
        if parts[0] == "jupyter_xai" and len(parts) > 1 and "*" not in allowed and parts[1] not in allowed:
            bad.append(f"{path.name}:{line} imports {module}, which {here} may not")
        if parts[0] in THIRD_PARTY.get(here, set()):
            bad.append(f"{path.name}:{line} imports {module}, which does not belong in {here}")
    return bad


FILES = sorted(ROOT.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(ROOT)) for path in FILES])
def test_imports_run_one_way(path: Path) -> None:
    assert offences(path.read_text(encoding="utf-8"), path) == []


@pytest.mark.parametrize(
    "source",
    [
        "from jupyter_xai.widget import view",
        "import jupyter_xai.api",
        "def f():\n    from jupyter_xai import widget",
        "def f():\n    import matplotlib.pyplot",
    ],
)
def test_the_check_can_fail(source: str) -> None:
    assert offences(source, ROOT / "kernels" / "lime.py")


def test_every_room_is_in_the_table() -> None:
    assert {room(path) for path in FILES} <= set(MAY_IMPORT)
