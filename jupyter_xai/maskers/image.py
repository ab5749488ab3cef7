"""Images as pieces that can be hidden."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.explanation import Layout, Pixels
from jupyter_xai.maskers._designs import COINS
from jupyter_xai.maskers._forms import (
    ImageForm,
    for_model,
    from_canonical,
    read_image,
    to_container,
    to_display,
)
from jupyter_xai.maskers._segments import METHODS, segment
from jupyter_xai.maskers.neighbourhoods import MaskNeighbourhood
from jupyter_xai.params import ChoiceParam, IntParam, ParamSpec, validate_all
from jupyter_xai.protocols import Batch, Kind, Predictor, Sampler


class Image:
    """An image cut into pieces (superpixels) that are hidden by filling them.

    Parameters
    ----------
    segmentation : {"slic", "quickshift", "felzenszwalb", "grid"}, callable or array, default="slic"
        How it is cut. A callable takes the image in its own values, shape (height, width, channels), and
        returns a label map; an array is a ready label map of shape (height, width). All but "grid" of the
        names need scikit-image.
    n_segments : int, default=50
        Wanted number of pieces, for slic and grid.
    fill : {"mean", "blur"}, number or colour, default="mean"
        What a hidden piece shows: its own mean colour, the blurred image, or one value or colour in the
        image's own range.

    Notes
    -----
    LIME's neighbourhood is lime 0.2's: each piece is kept with probability 1/2, distance is the cosine
    distance of the mask to the full one, kernel width 0.25. (lime cuts with quickshift by default.) Images of
    more than 512 x 512 pixels are cut on a smaller copy.

    Examples
    --------
    >>> image = np.zeros((8, 8, 3))
    >>> image[:4] = 1.0
    >>> bound = Image("grid", n_segments=4, fill=0.5).bind(image)
    >>> bound.n_features, bound.build(np.array([[True, True, False, False]])).shape
    (4, (1, 8, 8, 3))
    """

    kind: ClassVar[Kind] = "image"
    params: ClassVar[tuple[ParamSpec, ...]] = (
        ChoiceParam(
            name="segmentation",
            default="slic",
            label="pieces",
            doc="How the image is cut into pieces.",
            cost="rebuild",
            choices=METHODS,
            free=True,
        ),
        IntParam(
            name="n_segments",
            default=50,
            label="number of pieces",
            doc="More pieces show finer detail and need more samples.",
            cost="rebuild",
            min=1,
            max=2000,
        ),
        ChoiceParam(
            name="fill",
            default="mean",
            label="hidden pieces",
            doc="What a hidden piece shows.",
            cost="rebuild",
            choices=("mean", "blur"),
            free=True,
        ),
    )

    def __init__(self, segmentation: Any = "slic", n_segments: int = 50, fill: Any = "mean") -> None:
        self.segmentation = segmentation
        self.n_segments = n_segments
        self.fill = fill

    def bind(self, x: Any, predictor: Predictor | None = None) -> BoundImage:
        """Cut the image.

        Parameters
        ----------
        x : array, tensor or PIL image
            H x W, H x W x C or C x H x W.
        predictor : Predictor, optional
            Decides whether batches are tensors on its device or arrays in the image's own form.

        Returns
        -------
        BoundImage

        Raises
        ------
        InputError
            If there is nothing to cut, the order of axes is open, or the label map does not fit.
        MissingExtraError
            If scikit-image is needed and not installed.
        """
        given = {"segmentation": self.segmentation, "n_segments": self.n_segments, "fill": self.fill}
        chosen = validate_all(self.params, given)
        array, form = read_image(x)
        picture = to_display(array, form)
        labels = self._labels(chosen, picture, array)
        return BoundImage(array, form, picture, labels, chosen["fill"], predictor)

    def _labels(
        self, chosen: dict[str, Any], picture: NDArray[np.uint8], array: NDArray[Any]
    ) -> NDArray[np.int32]:
        """Label map, kept for the image that was cut last."""
        digest = hashlib.blake2b(array.tobytes(), digest_size=16).digest()
        mark = (digest, array.shape, chosen["n_segments"])
        kept = self.__dict__.get("_kept")
        if kept is None or kept[0] != mark or kept[1] is not self.segmentation:
            labels = segment(chosen["segmentation"], chosen["n_segments"], picture, array)
            kept = self.__dict__["_kept"] = (mark, self.segmentation, labels)
        found: NDArray[np.int32] = kept[2]
        return found

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the arguments alone; an image is cut again."""
        return {name: value for name, value in self.__dict__.items() if name != "_kept"}

    def neighbourhood(
        self,
        x: Any,
        predictor: Predictor | None,
        *,
        random_state: int | None = 0,
        sampler: Sampler = "balanced",
    ) -> MaskNeighbourhood:
        """LIME's neighbourhood of an image: 1000 draws by default; see ``bind`` for parameters and errors."""
        bound = self.bind(x, predictor)
        return MaskNeighbourhood(
            bound, COINS, stage="image", n_samples=1000, random_state=random_state, sampler=sampler
        )


class BoundImage:
    """One image, cut into pieces; see ``Image``.

    Parameters
    ----------
    array : ndarray of shape (height, width, channels)
        In the user's own values.
    form : ImageForm
    picture : ndarray of shape (height, width, 3), uint8
    labels : ndarray of shape (height, width), int32
    fill : str, number or colour
    predictor : Predictor or None
    """

    draws = 1

    def __init__(
        self,
        array: NDArray[Any],
        form: ImageForm,
        picture: NDArray[np.uint8],
        labels: NDArray[np.int32],
        fill: Any,
        predictor: Predictor | None,
    ) -> None:
        backend = "numpy" if predictor is None else predictor.backend
        filled = fill_image(array, labels, fill)
        image, layout, notice = for_model(array, form, backend)
        hidden = for_model(filled, form, backend)[0]
        self.n_features = int(labels.max()) + 1
        changes = (array != filled).any(axis=2).ravel()
        self.varying = np.bincount(labels.ravel(), weights=changes, minlength=self.n_features) > 0
        self.layout: Layout = Pixels(image=picture, labels=labels, channels=form.channels, fill=_name(fill))
        digest = hashlib.blake2b(repr((image.shape, str(image.dtype), backend)).encode())
        for part in (image, hidden, labels):
            digest.update(np.ascontiguousarray(part).tobytes())
        self.key: Hashable = ("image", digest.hexdigest())
        alone = ("The image is one piece: only all of it can be hidden. Cut it finer with segmentation=.",)
        self.notices: tuple[str, ...] = (
            *form.notices,
            *((notice,) if notice else ()),
            *(alone if self.n_features == 1 else ()),
            *(() if self.varying.any() else (_nothing_changes(fill),)),
        )
        self._batches: _Arrays | _Tensors
        if predictor is not None and backend == "torch":
            self._batches = _Tensors(image, hidden, labels, predictor)
        else:
            channels = np.broadcast_to(labels[:, :, None], (*labels.shape, form.channels))
            self._batches = _Arrays(image, hidden, from_canonical(channels, layout), form)

    def instance(self) -> Batch:
        """The unaltered image as a batch of one."""
        return self._batches.build(np.ones((1, self.n_features), dtype=np.bool_))

    def build(self, masks: NDArray[np.bool_], draws: slice = slice(None)) -> Batch:  # noqa: ARG002 - one draw
        """Images with absent pieces filled.

        Parameters
        ----------
        masks : ndarray of shape (n, n_features), bool
        draws : slice
            There is one draw a mask.

        Returns
        -------
        ndarray or tensor
            n images in the order of axes, type and range the model takes. A tensor is overwritten by the next
            call; an array never is.
        """
        return self._batches.build(np.asarray(masks, dtype=np.bool_))

    def reduce(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the outputs as they are: one model row a mask."""
        return outputs


class _Arrays:
    """Batches for a function: a new array each time, since it may keep them."""

    def __init__(
        self, image: NDArray[Any], hidden: NDArray[Any], labels: NDArray[np.int32], form: ImageForm
    ) -> None:
        self._form = form
        self._shape = image.shape
        self._image = np.ascontiguousarray(image).ravel()
        self._hidden = np.ascontiguousarray(hidden).ravel()
        self._labels = np.ascontiguousarray(labels).ravel()

    def build(self, masks: NDArray[np.bool_]) -> Batch:
        batch = np.empty((len(masks), self._image.size), dtype=self._image.dtype)
        for row, mask in zip(batch, masks, strict=True):
            row[:] = np.where(mask.take(self._labels), self._image, self._hidden)
        return to_container(batch.reshape(len(masks), *self._shape), self._form)


class _Tensors:
    """Batches for a torch predictor, on its device: gather and one fused multiply-add into a buffer that is
    used again.
    """

    def __init__(
        self, image: NDArray[Any], hidden: NDArray[Any], labels: NDArray[np.int32], predictor: Predictor
    ) -> None:
        import torch

        place = {"device": predictor.device, "dtype": predictor.dtype}
        self._shape = image.shape
        self._image = torch.as_tensor(image).to(**place).reshape(1, image.shape[0], -1)
        self._hidden = torch.as_tensor(hidden).to(**place).reshape(1, image.shape[0], -1)
        self._change = self._image - self._hidden
        self._labels = torch.as_tensor(labels.ravel()).to(device=predictor.device)
        self._buffer: Any = None

    def build(self, masks: NDArray[np.bool_]) -> Any:
        import torch

        n = len(masks)
        with torch.no_grad():
            if self._buffer is None or len(self._buffer) < n:
                self._buffer = None  # let go of the smaller one first
                self._buffer = self._image.new_empty((n, *self._image.shape[1:]))
            out = self._buffer[:n]
            keep = torch.from_numpy(np.ascontiguousarray(masks)).to(self._image)
            pixels = keep.index_select(1, self._labels).unsqueeze(1)
            torch.addcmul(self._hidden, pixels, self._change, out=out)
            whole = np.flatnonzero(masks.all(axis=1))
            if len(whole):  # exactly the instance: the sum above rounds
                out[torch.from_numpy(whole).to(out.device)] = self._image
        return out.reshape(n, *self._shape)


def fill_image(array: NDArray[Any], labels: NDArray[np.int32], fill: Any) -> NDArray[Any]:
    """What hidden pieces show, as a whole image of the same type.

    Parameters
    ----------
    array : ndarray of shape (height, width, channels)
    labels : ndarray of shape (height, width)
    fill : {"mean", "blur"}, number or colour

    Raises
    ------
    InputError
        If a colour does not have one value a channel, or lies outside the type's range.

    Examples
    --------
    >>> fill_image(np.array([[[1.0], [3.0]]]), np.zeros((1, 2), np.int32), "mean").ravel()
    array([2., 2.])
    """
    if isinstance(fill, str):
        if fill == "mean":
            return _cast(_means(array, labels), array.dtype)[labels]
        return _cast(_blurred(array), array.dtype)
    try:
        colour = np.asarray(fill, dtype=np.float64).ravel()
    except (TypeError, ValueError):
        colour = np.empty(0)
    if colour.size not in {1, array.shape[2]} or not np.isfinite(colour).all():
        raise InputError(
            f"fill={fill!r} does not work: expected 'mean', 'blur', one number, or a colour of "
            f"{array.shape[2]} numbers in the image's own range. Pass another fill=."
        )
    if array.dtype.kind in "iu":
        limits = np.iinfo(array.dtype)
        if colour.min() < limits.min or colour.max() > limits.max:
            raise InputError(
                f"fill={fill!r} does not fit the image's type {array.dtype}, which holds {limits.min} to "
                f"{limits.max}. Pass a colour in this range."
            )
    return np.broadcast_to(_cast(colour, array.dtype), array.shape)


def _cast(values: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[Any]:
    if dtype.kind == "b":
        return np.asarray(values >= 0.5)
    return (np.rint(values) if dtype.kind in "iu" else values).astype(dtype)


def _means(array: NDArray[Any], labels: NDArray[np.int32]) -> NDArray[np.float64]:
    """Mean colour of each piece; exactly its colour where it has one, which a sum of floats would round."""
    flat = labels.ravel()
    counts = np.bincount(flat)
    sums = [np.bincount(flat, weights=array[:, :, c].ravel()) for c in range(array.shape[2])]
    pixels = array.reshape(-1, array.shape[2])
    one = np.zeros((len(counts), array.shape[2]), dtype=array.dtype)
    one[flat] = pixels  # any pixel of the piece
    mixed = np.bincount(flat, weights=(pixels != one[flat]).any(axis=1)) > 0
    return np.where(mixed[:, None], np.stack(sums, axis=1) / counts[:, None], one)


def _blurred(array: NDArray[Any]) -> NDArray[np.float64]:
    """Gaussian blur with a deviation of a sixteenth of the shorter side (14 pixels of 224)."""
    from scipy.ndimage import gaussian_filter

    sigma = max(1.0, min(array.shape[:2]) / 16)
    return np.asarray(gaussian_filter(array.astype(np.float64), (sigma, sigma, 0), mode="nearest"))


def _nothing_changes(fill: Any) -> str:
    if isinstance(fill, str) and fill == "mean":
        return (
            "Hiding a piece changes nothing, because every piece has one colour and is filled with it. "
            'Pass fill="blur" or fill=0.'
        )
    return "Hiding a piece changes nothing: its fill is what it shows already. Pass another colour as fill=."


def _name(fill: Any) -> str:
    return fill if isinstance(fill, str) else str(np.asarray(fill).tolist())
