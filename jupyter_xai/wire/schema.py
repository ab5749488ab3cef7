"""The single source of what crosses between Python and the browser.

``generate_ts`` writes ``js/src/schema.gen.ts`` from the TypedDicts of this file and of ``boards``, which has those of
several explanations at once; CI fails if they drift apart.
Numbers that may be non-finite never stand in a header: they travel in buffers, or as null. Buffers are
little-endian and stand beside the header in the same dict, so a message or trait arrives whole or not at all.
(No postponed annotations here: typing finds NotRequired only in evaluated ones.)
"""

from typing import Annotated, Literal, NotRequired, TypedDict

SCHEMA_VERSION = 1
MAX_OUTPUT_NAMES = 2000

Bytes = Annotated[bytes, "DataView in the browser"]
"""A binary buffer."""

State = Literal["idle", "running", "settled", "stopped", "capped", "failed"]
OutputUnit = Literal["probability", "logit", "raw"]


class ColumnInfo(TypedDict):
    """One feature of a table.

    ``key`` is what an edit calls it, where that is not its name. ``raw`` is what an edit's value is like; ``choices``
    are what a category may be, in natural order, with their names; ``low`` and ``high`` are a number's range,
    ``whole`` whether it is an integer.
    """

    name: str
    value: str
    kind: Literal["number", "category", "boolean", "group"]
    unit: str
    condition: str
    missing: bool
    key: NotRequired[str]
    raw: float | int | str | bool | list[float | int | str | bool | None] | None
    choices: NotRequired[list[float | int | str | bool | list[float | int | str | bool | None]]]
    choice_names: NotRequired[list[str]]
    low: NotRequired[float]
    high: NotRequired[float]
    whole: NotRequired[bool]


class TableLayout(TypedDict):
    """A row of a table."""

    type: Literal["columns"]
    columns: list[ColumnInfo]


class TextLayout(TypedDict):
    """A text. Offsets count UTF-16 code units, as JavaScript does; ``groups`` gives the feature of each unit."""

    type: Literal["tokens"]
    text: str
    offsets: list[list[int]]
    groups: list[int]
    units: str
    n_features: int


class ImageLayout(TypedDict):
    """An image. ``labels`` is a zlib-deflated little-endian uint16 map (height x width), absent for pixel maps.

    ``original_width`` is there if the image is wider than what is sent: an edit counts the image's own pixels.
    """

    type: Literal["pixels"]
    width: int
    height: int
    original_width: NotRequired[int]
    mime: Literal["image/jpeg", "image/webp", "image/png"]
    image: Bytes
    labels: NotRequired[Bytes]
    n_features: int
    fill: str


class StepsLayout(TypedDict):
    """A series, (steps x channels), values float32."""

    type: Literal["steps"]
    steps: int
    channels: list[str]
    values: Bytes


class SeveralLayout(TypedDict):
    """Several inputs, features one after another."""

    type: Literal["several"]
    part_names: list[str]
    parts: list[TableLayout | TextLayout | ImageLayout | StepsLayout]


class MethodInfo(TypedDict):
    """A kernel and whether it applies here; ``why_not`` is empty if it does."""

    name: str
    label: str
    why_not: str


class ParamInfo(TypedDict):
    """One hyper-parameter for the panel. ``min`` and ``max`` are null where unbounded; a text's choices are offers."""

    name: str
    label: str
    doc: str
    control: Literal["float", "int", "choice", "bool", "text"]
    cost: Literal["solve", "evaluate", "rebuild"]
    part: Literal["method", "input"]
    default: float | int | str | bool
    auto: bool
    min: float | None
    max: float | None
    step: float | None
    scale: Literal["linear", "log"]
    choices: list[str]


class Geometry(TypedDict):
    """What stays while estimates stream: the instance, its features, the outputs. Empty dict before the first run."""

    schema: int
    run: int
    took: str
    layout: TableLayout | TextLayout | ImageLayout | StepsLayout | SeveralLayout
    output_names: list[str]
    n_outputs: int
    output_unit: OutputUnit
    threshold: float | None
    methods: list[MethodInfo]
    params: list[ParamInfo]


class PixelMap(TypedDict):
    """A map of one target, summed over channels: value = int8 * scale / 127, or float16 * scale where it is exact."""

    target: int
    width: int
    height: int
    scale: float
    exact: NotRequired[bool]
    data: Bytes


class Pairs(TypedDict):
    """Interactions of the features that have most of them; float32 of shape (outputs, features, features). ``more``
    features have less.
    """

    names: list[str]
    more: int
    values: Bytes
    std_errors: NotRequired[Bytes]


class Edit(TypedDict):
    """One what-if change. Which of the optional fields stand depends on ``op``."""

    op: Literal["set", "strike", "restore", "replace", "insert", "hide", "show", "occlude", "brush", "adjust"]
    feature: NotRequired[str]
    value: NotRequired[float | int | str | bool | list[float | int | str | bool | None] | None]
    positions: NotRequired[list[int]]
    position: NotRequired[int]
    text: NotRequired[str]
    pieces: NotRequired[list[int]]
    box: NotRequired[list[int]]
    points: NotRequired[list[list[float]]]
    width: NotRequired[float]
    kind: NotRequired[Literal["blur", "noise", "brightness", "contrast", "rotation"]]
    amount: NotRequired[float]


class Frame(TypedDict):
    """One whole estimate. ``values`` and ``std_errors`` are float32 (targets x features), ``predictions`` float32
    over all outputs of the model, the rest float32 over the explained targets. ``ids`` gives the features their
    numbers in the geometry after edits of a text: struck ones are missing, inserted ones count on after the last.
    ``original`` stands after edits: the model before them, float32 over all outputs; and ``edits``, which they are: the
    page may have others by now. Empty dict before the first estimate.
    """

    schema: int
    run: int
    seq: int
    state: State
    method: str
    method_label: str
    targets: list[int]
    target_names: list[str]
    n_features: int
    ids: NotRequired[list[int]]
    values: NotRequired[Bytes]
    pixels: NotRequired[PixelMap]
    maps: NotRequired[list[PixelMap]]
    pairs: NotRequired[Pairs]
    std_errors: NotRequired[Bytes]
    predictions: Bytes
    original: NotRequired[Bytes]
    edits: NotRequired[list[Edit]]
    base_values: NotRequired[Bytes]
    gap: NotRequired[Bytes]
    r2: NotRequired[Bytes]
    local_predictions: NotRequired[Bytes]
    additive: bool
    unexplained: list[tuple[str, float]]
    value_unit: str
    n_evals: int
    n_rows: int
    random_state: int | None
    params: dict[str, float | int | str | bool]
    notices: list[str]


class CurveInfo(TypedDict):
    """One path: ``x`` float32 (points), ``y`` float16 (targets x points), the answer being offset + scale * y.
    (float16 alone ends at 65,504 and has no digits left for a price.) ``band`` holds the lower and the upper quantile
    of what y is the mean of, as y does, one after the other. ``order`` is the row of the target whose order a removal
    follows.
    """

    kind: Literal["response", "presence", "adjustment", "flip", "removal", "insertion", "random_removal"]
    feature: int | None
    name: NotRequired[Literal["blur", "noise", "brightness", "contrast", "rotation"]]
    order: NotRequired[int]
    points: int
    x: Bytes
    y: Bytes
    band: NotRequired[Bytes]
    offset: float
    scale: float


class Curves(TypedDict):
    """The model's answers along paths, computed once, and the model rows they took. Empty dict until there are any.

    They are of the instance after ``edits``; lines are of the outputs ``targets``, in ``unit``, where these are said.
    """

    schema: int
    run: int
    rows: int
    edits: list[Edit]
    targets: NotRequired[list[int]]
    unit: NotRequired[str]
    curves: list[CurveInfo]


class ErrorInfo(TypedDict):
    """A failure in words. ``where`` is the deepest traceback line in the user's own file, or ""."""

    title: str
    message: str
    where: str
    hint: str
    traceback: str


class Status(TypedDict):
    """Where the run is. ``seconds_left`` and ``rate`` are null while unknown; ``total`` counts model rows."""

    schema: int
    run: int
    state: State
    rows: int
    total: int | None
    rate: float | None
    seconds: float
    seconds_left: float | None
    error: ErrorInfo | None
    notices: list[str]


class Display(TypedDict):
    """How the result is looked at: saved, shared by all views, starts no run. Every field may be absent."""

    target: NotRequired[int]
    sort: NotRequired[Literal["weight", "name", "original", "support"]]
    opacity: NotRequired[float]
    threshold: NotRequired[float]
    grouped: NotRequired[bool]
    removed: NotRequired[int]
    all_rows: NotRequired[bool]
    row: NotRequired[int]
    column: NotRequired[int]


class Request(TypedDict):
    """What is to be explained and how: a change starts a run. Absent fields keep their value."""

    method: NotRequired[str]
    params: NotRequired[dict[str, float | int | str | bool]]
    targets: NotRequired[list[int]]
    edits: NotRequired[list[Edit]]
    random_state: NotRequired[int]


class ToPython(TypedDict):
    """A custom message from the view. Every one may be lost without harm; ``hello`` asks for the newest frame.

    ``stop`` and ``resume`` act on the present run, ``more`` doubles its samples, ``retry`` runs the request again.
    ``ping`` is answered by ``pong``, ``preview`` by the predictions after ``edits``, and ``picture`` by the image
    after ``edits`` and its pieces under ``params``; an answer has the id of the newest message it answers. ``row`` asks
    for the explanation of one row of the data, of one output if that is named. After a lost connection messages carry
    ``display`` and ``request`` as long as a change of theirs may not have arrived.
    """

    type: Literal["hello", "bye", "stop", "resume", "more", "retry", "ping", "preview", "picture", "row"]
    id: int
    row: NotRequired[int]
    output: NotRequired[str]
    edits: NotRequired[list[Edit]]
    params: NotRequired[dict[str, float | int | str | bool]]
    display: NotRequired[Display]
    request: NotRequired[Request]


class ToBrowser(TypedDict):
    """A custom message to the view. ``error`` says why there is no answer.

    A picture comes with two buffers: the image, and the label map as in ``ImageLayout`` (empty for pixel maps).
    """

    type: Literal["pong", "preview", "picture"]
    id: int
    predictions: NotRequired[list[float]]
    mime: NotRequired[Literal["image/jpeg", "image/webp", "image/png"]]
    width: NotRequired[int]
    height: NotRequired[int]
    n_features: NotRequired[int]
    error: NotRequired[str]
