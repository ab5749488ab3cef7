"""Images as pieces that can be hidden."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.explanation import Layout, Pixels
from jupyter_xai.maskers._designs import COINS
from jupyter_xai.maskers._fills import FILLS, background_notice, fill_images
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
    n_segments : int or "auto", default="auto"
        Wanted number of pieces: slic and grid make about as many, felzenszwalb cuts finer for more, quickshift
        makes at least as many where it can. Auto: by the size of the image (50 of 224 x 224 pixels), and never
        fewer than 8 or more than 200; quickshift keeps to lime's settings where these give so many. Where a
        method finds no pieces to tell apart, the image is cut by a grid, and a notice says so.
    fill : {"mean", "blur", "noise", "background"}, number or colour, default="mean"
        What a hidden piece shows: its own mean colour, the blurred image, noise with the image's own mean and
        deviation in each channel, the same place of other images, or one value or colour in the image's own
        range.
    background : sequence of images, optional
        For ``fill="background"``: images of the same size and type, at most 100 of which are used. A game (SHAP)
        averages over all of them, so that a mask is as many model rows; LIME takes one for each pair of masks, in
        an order drawn at random, and so estimates the same average from one row a mask.
    random_state : int or None, default=0
        Seed of the noise, which is drawn once for an image.

    Notes
    -----
    LIME's neighbourhood is lime 0.2's: each piece is kept with probability 1/2, distance is the cosine
    distance of the mask to the full one, kernel width 0.25. (lime cuts with quickshift by default, which has its
    settings here as well.) Images of more than 512 x 512 pixels are cut on a smaller copy.

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
            default="auto",
            label="number of pieces",
            doc="More pieces show finer detail and need more samples.",
            cost="rebuild",
            min=1,
            max=2000,
            scale="log",
            auto=True,
        ),
        ChoiceParam(
            name="fill",
            default="mean",
            label="hidden pieces",
            doc="What a hidden piece shows.",
            cost="rebuild",
            choices=FILLS,
            free=True,
        ),
    )

    def __init__(
        self,
        segmentation: Any = "slic",
        n_segments: int | Literal["auto"] = "auto",
        fill: Any = "mean",
        background: Any = None,
        random_state: int | None = 0,
    ) -> None:
        self.segmentation = segmentation
        self.n_segments = n_segments
        self.fill = fill
        self.background = background
        self.random_state = random_state

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
            If there is nothing to cut, the order of axes is open, or the label map, the fill or the background
            does not fit.
        MissingExtraError
            If scikit-image is needed and not installed.
        """
        given = {"segmentation": self.segmentation, "n_segments": self.n_segments, "fill": self.fill}
        chosen = validate_all(self.params, given)
        array, form = read_image(x)
        picture = to_display(array, form)
        labels, cut = self._labels(chosen, picture, array)
        filled = self.filled(array, labels)
        said = background_notice(self.background, len(filled)) if chosen["fill"] == "background" else ""
        notices = tuple(notice for notice in (said, cut) if notice)
        return BoundImage(array, form, picture, labels, chosen["fill"], filled, predictor, notices)

    def filled(self, array: NDArray[Any], labels: NDArray[np.int32]) -> NDArray[Any]:
        """What hidden pieces show, as whole images.

        Parameters
        ----------
        array : ndarray of shape (height, width, channels)
        labels : ndarray of shape (height, width)

        Returns
        -------
        ndarray of shape (n, height, width, channels)
            One image, or those of the background.
        """
        return fill_images(
            array, labels, self.fill, background=self.background, random_state=self.random_state
        )

    def _labels(
        self, chosen: dict[str, Any], picture: NDArray[np.uint8], array: NDArray[Any]
    ) -> tuple[NDArray[np.int32], str]:
        """Label map and its notice, kept for the image that was cut last."""
        digest = hashlib.blake2b(array.tobytes(), digest_size=16).digest()
        mark = (digest, array.shape, chosen["n_segments"])
        kept = self.__dict__.get("_kept")
        if kept is None or kept[0] != mark or kept[1] is not self.segmentation:
            cut = segment(chosen["segmentation"], chosen["n_segments"], picture, array)
            kept = self.__dict__["_kept"] = (mark, self.segmentation, cut)
        found: tuple[NDArray[np.int32], str] = kept[2]
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
    filled : ndarray of shape (draws, height, width, channels)
        What hidden pieces show: one image, or several that a mask is averaged over.
    predictor : Predictor or None
    notices : tuple of str, default=()
        What is to be said of the fill and of the cut.
    """

    def __init__(
        self,
        array: NDArray[Any],
        form: ImageForm,
        picture: NDArray[np.uint8],
        labels: NDArray[np.int32],
        fill: Any,
        filled: NDArray[Any],
        predictor: Predictor | None,
        notices: tuple[str, ...] = (),
    ) -> None:
        backend = "numpy" if predictor is None else predictor.backend
        image, layout, own = for_model(array, form, backend)
        hidden = np.stack([for_model(each, form, backend)[0] for each in filled])
        self.draws = len(filled)
        self.n_features = int(labels.max()) + 1
        flat = labels.ravel()
        self.varying = np.zeros(self.n_features, dtype=np.bool_)
        for each in filled:
            changes = (array != each).any(axis=2).ravel()
            self.varying |= np.bincount(flat, weights=changes, minlength=self.n_features) > 0
        self.layout: Layout = Pixels(image=picture, labels=labels, channels=form.channels, fill=_name(fill))
        digest = hashlib.blake2b(repr((image.shape, str(image.dtype), backend)).encode())
        for part in (image, hidden, labels):
            digest.update(np.ascontiguousarray(part).tobytes())
        self.key: Hashable = ("image", digest.hexdigest())
        alone = ("The image is one piece: only all of it can be hidden. Cut it finer with segmentation=.",)
        self.notices: tuple[str, ...] = (
            *form.notices,
            *((own,) if own else ()),
            *notices,
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

    def build(self, masks: NDArray[np.bool_], draws: slice = slice(None)) -> Batch:
        """Images with absent pieces filled.

        Parameters
        ----------
        masks : ndarray of shape (n, n_features), bool
        draws : slice
            Which images to fill from, of several.

        Returns
        -------
        ndarray or tensor
            n images for each draw, mask by mask, in the order of axes, type and range the model takes. A tensor is
            overwritten by the next call; an array never is.
        """
        present = np.asarray(masks, dtype=np.bool_)
        if self.draws == 1:
            return self._batches.build(present)
        which = np.arange(self.draws)[draws]
        return self._batches.build(
            np.repeat(present, len(which), axis=0), np.tile(which, len(present)).astype(np.intp)
        )

    def build_each(self, masks: NDArray[np.bool_], draws: NDArray[np.intp]) -> Batch:
        """Images with absent pieces filled, each mask from one draw of its own.

        Parameters
        ----------
        masks : ndarray of shape (n, n_features), bool
        draws : ndarray of shape (n,), int

        Returns
        -------
        ndarray or tensor
            n images, as from ``build``.
        """
        return self._batches.build(np.asarray(masks, dtype=np.bool_), draws)

    def reduce(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Average each mask's rows; with one row a mask the outputs as they are."""
        if self.draws == 1:
            return outputs
        return np.asarray(outputs.reshape(-1, self.draws, outputs.shape[1]).mean(axis=1))


class _Arrays:
    """Batches for a function: a new array each time, since it may keep them.

    ``hidden`` has an axis of draws in front.
    """

    def __init__(
        self, image: NDArray[Any], hidden: NDArray[Any], labels: NDArray[np.int32], form: ImageForm
    ) -> None:
        self._form = form
        self._shape = image.shape
        self._image = np.ascontiguousarray(image).ravel()
        self._hidden = np.ascontiguousarray(hidden).reshape(len(hidden), -1)
        self._labels = np.ascontiguousarray(labels).ravel()

    def build(self, masks: NDArray[np.bool_], which: NDArray[np.intp] | None = None) -> Batch:
        batch = np.empty((len(masks), self._image.size), dtype=self._image.dtype)
        for at, (row, mask) in enumerate(zip(batch, masks, strict=True)):
            hidden = self._hidden[0 if which is None else which[at]]
            row[:] = np.where(mask.take(self._labels), self._image, hidden)
        return to_container(batch.reshape(len(masks), *self._shape), self._form)


class _Tensors:
    """Batches for a torch predictor, on its device: gather and one fused multiply-add into a buffer that is
    used again. ``hidden`` has an axis of draws in front.
    """

    def __init__(
        self, image: NDArray[Any], hidden: NDArray[Any], labels: NDArray[np.int32], predictor: Predictor
    ) -> None:
        import torch

        place = {"device": predictor.device, "dtype": predictor.dtype}
        self._shape = image.shape
        self._image = torch.as_tensor(image).to(**place).reshape(1, image.shape[0], -1)
        self._hidden = torch.as_tensor(hidden).to(**place).reshape(len(hidden), image.shape[0], -1)
        self._change = self._image - self._hidden
        self._labels = torch.as_tensor(labels.ravel()).to(device=predictor.device)
        self._buffer: Any = None

    def build(self, masks: NDArray[np.bool_], which: NDArray[np.intp] | None = None) -> Any:
        import torch

        n = len(masks)
        with torch.no_grad():
            if self._buffer is None or len(self._buffer) < n:
                self._buffer = None  # let go of the smaller one first
                self._buffer = self._image.new_empty((n, *self._image.shape[1:]))
            out = self._buffer[:n]
            hidden, change = self._hidden[:1], self._change[:1]
            if which is not None:
                at = torch.from_numpy(np.ascontiguousarray(which)).to(hidden.device)
                hidden, change = self._hidden.index_select(0, at), self._change.index_select(0, at)
            keep = torch.from_numpy(np.ascontiguousarray(masks)).to(self._image)
            pixels = keep.index_select(1, self._labels).unsqueeze(1)
            torch.addcmul(hidden, pixels, change, out=out)
            whole = np.flatnonzero(masks.all(axis=1))
            if len(whole):  # exactly the instance: the sum above rounds
                out[torch.from_numpy(whole).to(out.device)] = self._image
        return out.reshape(n, *self._shape)


def _nothing_changes(fill: Any) -> str:
    if isinstance(fill, str) and fill == "mean":
        return (
            "Hiding a piece changes nothing, because every piece has one colour and is filled with it. "
            'Pass fill="blur" or fill=0.'
        )
    return "Hiding a piece changes nothing: its fill is what it shows already. Pass another colour as fill=."


def _name(fill: Any) -> str:
    return fill if isinstance(fill, str) else str(np.asarray(fill).tolist())
