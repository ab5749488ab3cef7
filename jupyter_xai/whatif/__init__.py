"""What-if edits as data, and their pure application to an instance."""

from jupyter_xai.whatif.edits import apply, check

__all__ = ["apply", "check"]
