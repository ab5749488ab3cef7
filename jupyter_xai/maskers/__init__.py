"""Maskers: what an instance is made of and how a part of it is made absent; LIME's neighbourhoods."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from jupyter_xai.protocols import Kind

_DEFAULT: dict[Kind, tuple[str, str]] = {
    "table": ("jupyter_xai.maskers.tabular", "Tabular"),
    "text": ("jupyter_xai.maskers.text", "Text"),
    "image": ("jupyter_xai.maskers.image", "Image"),
}


def default(kind: Kind) -> Any:
    """Import and return the masker class for a kind of input.

    Examples
    --------
    >>> default("text").__name__
    'Text'
    """
    module, name = _DEFAULT[kind]
    return getattr(import_module(module), name)
