"""Tables: rows that are compared with a background of other rows."""

from __future__ import annotations

from typing import Any, ClassVar

from jupyter_xai.errors import InputError
from jupyter_xai.maskers._around import TableNeighbourhood
from jupyter_xai.maskers._bins import Discretizer
from jupyter_xai.maskers._bound import BoundTable
from jupyter_xai.maskers._designs import SIZES
from jupyter_xai.maskers._sparse import SparseBound, SparseNeighbourhood, SparseRow, SparseTable
from jupyter_xai.maskers._table import Table
from jupyter_xai.maskers.neighbourhoods import MaskNeighbourhood
from jupyter_xai.params import BoolParam, ChoiceParam, ParamSpec, validate_all
from jupyter_xai.protocols import Kind, Neighbourhood, Predictor, Sampler


class Tabular:
    """Rows of a table, beside a background they are compared with.

    Parameters
    ----------
    background : DataFrame, array or scipy sparse matrix of shape (n_rows, n_columns)
        Rows the model knows, such as its training data. The model receives batches of this form: DataFrames
        with the same columns and types, arrays of the same type, CSR matrices. NaN is legal and is drawn as often as
        it occurs.
    feature_names : sequence of str, optional
        Names of an array's columns; a DataFrame brings its own.
    categories : list or dict, optional
        Columns (names or indices) whose numbers are codes of categories; a dict gives their values in natural
        order. Columns of strings, of categorical type and of truth values are categories by themselves.
    groups : dict, optional
        Name to list of columns that act as one feature, ``{"housing": ["own", "rent", "free"]}``. Where they hold
        zeros with at most one 1 a row they are read as a one-hot code: the feature's value is the category.
    encoder : OneHotEncoder, ColumnTransformer or Pipeline, optional
        The fitted transformer that wrote the background: the columns of each of its one-hot codes act as one
        feature, named as the raw column and with the category as value, and an array's columns get its names. Of a
        pipeline the classifier does not count; steps after the encoder may scale columns or leave some out. A model
        that is a pipeline with the transformer as its first step is explained on raw columns without it.
    discretizer : {"quartile", "decile", "entropy", "none"}, default="quartile"
        LIME's bins of numbers. "entropy": where a decision tree of depth 3 splits them by ``labels``. "none": no bins;
        numbers are drawn from a normal distribution with the background's mean and spread, and their weights are
        per standard deviation.
    labels : array of shape (n_rows,), optional
        Of the background's rows, for "entropy": classes, or numbers of a regression.
    sample_around_instance : bool, default=False
        With "none": draw around the instance's numbers, not around the background's mean.

    Notes
    -----
    LIME's neighbourhood is lime 0.2's: every numeric column is cut into bins; each feature's bin or
    category is drawn by its frequency in the background, numbers within a bin from a truncated normal; a
    feature is 1 where the bin is the instance's own; distance is Euclidean; kernel width 0.75
    sqrt(features). A group takes all its columns from one background row, and is 1 where it is in the
    instance's category or bins (quartiles, where the discretizer is "none").

    The features of a sparse row are the columns it stores, an absent one is 0, and nothing is made dense: LIME
    removes them as lime's text explainer removes the words of a bag, and games do the same. With "none" its numbers are
    drawn as those of a dense row, from which lime differs: it multiplies them by their spread where it should divide.

    Examples
    --------
    >>> import numpy as np
    >>> background = np.array([[20.0, 0.0], [30.0, 1.0], [40.0, 1.0], [50.0, 0.0]])
    >>> masker = Tabular(background, feature_names=["age", "owner"], categories=["owner"])
    >>> masker.neighbourhood({"age": 24, "owner": 1}, None).layout.conditions
    ('age <= 27.5', 'owner = 1.0')

    Columns of a one-hot code are one feature:

    >>> from sklearn.preprocessing import OneHotEncoder
    >>> encoder = OneHotEncoder(sparse_output=False).fit([["rent"], ["own"], ["free"]])
    >>> masker = Tabular(encoder.transform([["rent"], ["own"], ["free"]]), encoder=encoder)
    >>> layout = masker.bind([0.0, 0.0, 1.0]).layout
    >>> layout.names, layout.values, layout.categories
    (('x0',), ('rent',), (('free', 'own', 'rent'),))
    """

    kind: ClassVar[Kind] = "table"
    of_neighbourhood: ClassVar[frozenset[str]] = frozenset({"discretizer", "sample_around_instance"})
    """Hyper-parameters that only LIME's draws depend on."""
    params: ClassVar[tuple[ParamSpec, ...]] = (
        ChoiceParam(
            name="discretizer",
            default="quartile",
            label="LIME's bins",
            doc="Narrow bins tell more values apart and leave fewer draws in each; none explains the number itself.",
            cost="rebuild",
            choices=("quartile", "decile", "entropy", "none"),
        ),
        BoolParam(
            name="sample_around_instance",
            default=False,
            label="draws around the instance",
            doc="Without bins LIME draws around the instance's numbers, not around the background's mean.",
            cost="rebuild",
        ),
    )

    def __init__(
        self,
        background: Any,
        feature_names: Any = None,
        categories: Any = None,
        groups: Any = None,
        encoder: Any = None,
        discretizer: Discretizer = "quartile",
        labels: Any = None,
        sample_around_instance: bool = False,
    ) -> None:
        self.background = background
        self.feature_names = feature_names
        self.categories = categories
        self.groups = groups
        self.encoder = encoder
        self.discretizer = discretizer
        self.labels = labels
        self.sample_around_instance = sample_around_instance

    def table(self) -> Table:
        """Read the background; kept until an argument it depends on is replaced.

        Raises
        ------
        InputError
            If the background is empty or not a table, a listed column does not exist, labels are missing, or the
            encoder did not write the background.
        """
        given = (
            self.background,
            self.feature_names,
            self.categories,
            self.groups,
            self.encoder,
            self.discretizer,
            self.labels,
        )
        kept = self.__dict__.get("_kept")
        if kept is None or any(old is not new for old, new in zip(kept[0], given, strict=True)):
            if self.background is None:
                raise InputError(
                    "a table needs a background to compare with. Pass background=X_train (or a sample)."
                )
            validate_all(self.params, {"discretizer": self.discretizer})
            kept = (given, Table(*given))
            self.__dict__["_kept"] = kept
        table: Table = kept[1]
        return table

    def _sparse(self, x: Any) -> SparseRow | None:
        """What a row sees of a sparse background; None if it is dense."""
        if not hasattr(self.background, "tocsr"):
            return None
        for name in ("categories", "groups", "encoder", "labels"):
            if getattr(self, name) is not None:
                raise InputError(
                    f"{name}= is for dense tables, but the background is sparse. Leave it out, or pass "
                    "background.toarray()."
                )
        given = (self.background, self.feature_names)
        kept = self.__dict__.get("_kept")
        if kept is None or any(old is not new for old, new in zip(kept[0], given, strict=False)):
            kept = (given, SparseTable(*given))
            self.__dict__["_kept"] = kept
        return SparseRow(kept[1], x)

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the arguments alone; the table is read again."""
        return {name: value for name, value in self.__dict__.items() if name != "_kept"}

    def bind(self, x: Any, predictor: Predictor | None = None) -> BoundTable:
        """Fix the row; an absent feature takes the values of background rows.

        Parameters
        ----------
        x : dict, Series, 1-row DataFrame, sequence, array or 1-row sparse matrix
            Lined up with the background by name where it has names, else by position.
        predictor : Predictor, optional
            Decides whether batches are tensors.

        Returns
        -------
        BoundTable

        Raises
        ------
        InputError
            If columns are missing, unknown or of the wrong number, or a category is unknown.
        """
        sparse = self._sparse(x)
        return BoundTable(self.table(), x, predictor) if sparse is None else SparseBound(sparse, predictor)

    def neighbourhood(
        self,
        x: Any,
        predictor: Predictor | None,
        *,
        random_state: int | None = 0,
        sampler: Sampler = "balanced",
    ) -> Neighbourhood:
        """LIME's neighbourhood of a row: 5000 draws by default; see ``bind`` for parameters and errors."""
        own = {spec.name: getattr(self, spec.name) for spec in self.params}
        around = bool(validate_all(self.params, own)["sample_around_instance"])
        sparse = self._sparse(x)
        if sparse is not None and self.discretizer != "none":
            bound = SparseBound(sparse, predictor)
            return MaskNeighbourhood(
                bound, SIZES, stage="sparse", n_samples=5000, random_state=random_state, sampler=sampler
            )
        if sparse is not None:
            return SparseNeighbourhood(sparse, predictor, random_state, sampler, around=around)
        return TableNeighbourhood(self.table(), x, predictor, random_state, sampler, around=around)
