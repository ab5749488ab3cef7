"""The errors a user can meet. Each message says what was wrong, what was expected and what to do."""

from __future__ import annotations

from collections.abc import Iterable


class XaiError(Exception):
    """Base of every error jupyter_xai raises on purpose.

    Examples
    --------
    >>> issubclass(InputError, XaiError) and issubclass(InputError, ValueError)
    True
    """


class InputError(XaiError, ValueError):
    """The input, the background or a hyper-parameter is not one we can explain."""


class TargetError(XaiError, ValueError):
    """A target names an output that the model does not have.

    Parameters
    ----------
    message : str
        The whole sentence.
    """


class ModelError(XaiError, RuntimeError):
    """The user's model raised, or answered with something that is not scores.

    The model's own exception, if there is one, is ``__cause__``.

    Parameters
    ----------
    message : str
        The whole sentence.
    n_rows : int, default=0
        Rows in the batch the model was called on.
    """

    def __init__(self, message: str, n_rows: int = 0) -> None:
        super().__init__(message)
        self.n_rows = n_rows


class MissingExtraError(XaiError, ImportError):
    """A package that an optional part needs is not installed.

    Parameters
    ----------
    package : str
        Importable name of what is missing, for example ``"skimage"``.
    extra : str
        Extra of jupyter_xai that brings it.
    purpose : str
        What needed it, a noun phrase.

    Examples
    --------
    >>> print(MissingExtraError("skimage", "image", "cutting a photo into superpixels"))
    cutting a photo into superpixels needs the package skimage, which is not installed: pip install "jupyter_xai[image]"
    """

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f'{purpose} needs the package {package}, which is not installed: pip install "jupyter_xai[{extra}]"'
        )
        self.package = package
        self.extra = extra
        self.purpose = purpose

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str, str]]:
        """Pickle by the three words, not by the finished sentence."""
        return type(self), (self.package, self.extra, self.purpose)


class CannotExplainError(XaiError):
    """The method does not apply to this model or input.

    Parameters
    ----------
    message : str
        What does not fit.
    alternatives : iterable of str
        Methods that would work, offered in the message.
    """

    def __init__(self, message: str, alternatives: Iterable[str] = ()) -> None:
        self.alternatives = tuple(alternatives)
        offer = f" These would work: {', '.join(self.alternatives)}." if self.alternatives else ""
        super().__init__(message + offer)
