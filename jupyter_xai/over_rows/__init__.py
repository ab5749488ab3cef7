"""Over many rows as a person asks: the question, the live view of the answer, and one row's own view beneath it."""

from jupyter_xai.over_rows.question import Question
from jupyter_xai.over_rows.rows import Rows
from jupyter_xai.over_rows.view import GlobalView

__all__ = ["GlobalView", "Question", "Rows"]
