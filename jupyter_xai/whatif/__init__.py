"""What-if edits as data, and their pure application to an instance."""

from jupyter_xai.whatif.edits import CUTS, Edit, apply, check, compact, outlasting
from jupyter_xai.whatif.words import EditedText, edit_text

__all__ = ["CUTS", "Edit", "EditedText", "apply", "check", "compact", "edit_text", "outlasting"]
