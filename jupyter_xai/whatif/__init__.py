"""What-if edits as data, and their pure application to an instance."""

from jupyter_xai.whatif.edits import Edit, apply, check, compact
from jupyter_xai.whatif.words import EditedText, edit_text

__all__ = ["Edit", "EditedText", "apply", "check", "compact", "edit_text"]
