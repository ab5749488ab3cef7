"""What crosses to the browser of several explanations at once: a comparison, a dataset, a benchmark.

As in ``schema``, whose words it uses.
(No postponed annotations here: typing finds NotRequired only in evaluated ones.)
"""

from typing import Literal, NotRequired, TypedDict

from jupyter_xai.wire.schema import Bytes, CurveInfo, OutputUnit, Pairs, PixelMap


class BoardMetric(TypedDict):
    """One metric of one method for one output; ``value`` is null where there is no number, and ``said`` says why.
    ``awaited``: of the instance as it is now there will be one.
    """

    name: str
    value: float | None
    half: float | None
    unit: str
    better: Literal["higher", "lower", ""]
    said: str
    awaited: NotRequired[bool]


class BoardColumn(TypedDict):
    """One method of a comparison. ``values`` and ``std_errors`` are float32 (outputs x features) on the board's
    features; ``unit`` is there if it counts in another unit than the board, on a scale of its own. ``notes``,
    ``metrics`` and ``maps`` have one entry an output; the latter are of methods that have a value for each pixel.
    """

    label: str
    state: Literal["waiting", "running", "done", "failed"]
    why_not: str
    unit: str
    notes: list[str]
    seconds: float | None
    rows: int
    values: NotRequired[Bytes]
    std_errors: NotRequired[Bytes]
    maps: NotRequired[list[PixelMap]]
    curves: list[CurveInfo]
    metrics: list[list[BoardMetric]]


class BoardPair(TypedDict):
    """How far two columns agree, one number an output; null where it cannot be told."""

    one: int
    other: int
    rank: list[float | None]
    top: list[float | None]
    sign: list[float | None]


class Board(TypedDict):
    """Methods side by side on one prediction.

    ``run`` counts the edits. Features stand at their numbers before edits: NaN is the value of one that is gone.
    ``original`` is there after edits: the predictions before them. ``coarser`` says that features are not those of the
    geometry, which the metrics act on, but coarser ones, on which all methods can be laid.
    """

    schema: int
    run: int
    names: list[str]
    values: list[str]
    things: str
    output_names: list[str]
    predictions: list[float]
    original: NotRequired[list[float]]
    coarser: NotRequired[bool]
    output_unit: OutputUnit
    reason: str
    verdict: str
    random_state: int
    columns: list[BoardColumn]
    pairs: list[BoardPair]
    notices: list[str]


class Dots(TypedDict):
    """A few rows of the data, a dot each in the strip of every feature.

    ``features`` are positions in ``names``. ``weights`` is int8 of shape (rows, outputs, features), -128 where a row
    does not have the feature, else in 127ths of the output's ``scales``; ``inputs`` is float32 of shape (rows,
    features), NaN where there is none, for a category its position among the ``choices``. ``predictions`` is float32
    of shape (rows, outputs), NaN where unknown; ``predicted`` the class of each row, -1 for one that is not explained.
    """

    rows: list[int]
    features: list[int]
    scales: list[float]
    weights: Bytes
    inputs: Bytes
    choices: list[list[str]]
    predictions: NotRequired[Bytes]
    predicted: NotRequired[list[int]]


class PickInfo(TypedDict):
    """One row worth reading: what it adds to the earlier ones, and what all of them cover with it.

    ``adds`` counts what no earlier one has and ``names`` says the most important of it; ``features`` are positions of
    what it has, with ``weights``; ``text`` is the row itself where it can be said. ``predicted`` names the model's
    highest output, if it has several and all are known, and ``prediction`` is what it says there.
    """

    row: int
    gain: float
    covered: float
    adds: int
    names: list[str]
    text: str
    features: list[int]
    weights: list[float]
    predicted: NotRequired[str]
    prediction: NotRequired[float]


class Overview(TypedDict):
    """What a model looks at over many rows.

    Buffers are float32 of shape (outputs, features), those over all outputs of shape (features,). ``map`` is a picture
    of the importance of every place, float32 of shape (outputs, *shape). ``predicted`` counts the rows for which the
    model predicts each class.
    """

    schema: int
    names: list[str]
    more: int
    things: str
    output_names: list[str]
    output_unit: OutputUnit
    value_unit: str
    method: str
    explainer: str
    random_state: int | None
    rows: int
    values: Bytes
    std_errors: NotRequired[Bytes]
    overall: NotRequired[Bytes]
    overall_std_errors: NotRequired[Bytes]
    support: NotRequired[Bytes]
    signed: NotRequired[Bytes]
    chance: NotRequired[Bytes]
    predicted: NotRequired[list[int]]
    dots: NotRequired[Dots]
    pairs: NotRequired[Pairs]
    picks: list[PickInfo]
    shape: NotRequired[list[int]]
    map: NotRequired[Bytes]
    notices: list[str]


class Opened(TypedDict):
    """The row whose own explanation stands beneath: the widget that shows it, or why there is none."""

    row: int
    model: NotRequired[str]
    error: NotRequired[str]


class SummaryMethod(TypedDict):
    """One method of a benchmark; ``seconds`` is the mean time of an explanation, ``why_not`` why it has none."""

    label: str
    seconds: float | None
    why_not: str


class SummaryCell(TypedDict):
    """One metric of one method over ``n`` rows: mean and half-width of its 95 % interval. ``behind`` is its mean
    difference, row by row, to the method with the best mean, with a half-width that holds for all methods together.
    """

    mean: float | None
    half: float | None
    n: int
    behind: float | None
    behind_half: float | None


class SummaryMetric(TypedDict):
    """One metric, a cell a method. ``best`` has the best mean, ``winner`` is beyond doubt better than all others; -1
    where none is. ``own`` says that the winner optimises something close to this. ``said`` is why there is no number.
    """

    name: str
    better: Literal["higher", "lower", ""]
    unit: str
    best: int
    winner: int
    own: str
    cells: list[SummaryCell]
    said: str


class Summary(TypedDict):
    """Methods over many rows. ``methods`` is empty before the first row."""

    schema: int
    run: int
    methods: list[SummaryMethod]
    metrics: list[SummaryMetric]
    rows: int
    verdict: str
    random_state: int
    notices: list[str]
