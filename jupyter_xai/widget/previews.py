"""Quick answers while the reader's hand is still moving: the prediction after edits, what the model then sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.explanation import Layout
from jupyter_xai.widget.latest import Latest
from jupyter_xai.wire import encode

Send = Callable[[dict[str, Any], list[bytes]], None]


class Foresees(Protocol):
    """What a question answers without a run."""

    def predict(self, request: Mapping[str, Any]) -> NDArray[np.float64]:
        """Every output of the model at the edited instance."""
        ...

    def layout(self, request: Mapping[str, Any]) -> Layout:
        """Layout of the edited instance under the request's masker parameters."""
        ...


class Previews:
    """Answers ``preview`` and ``picture`` messages; of each kind the newest wins.

    Parameters
    ----------
    question : Foresees
    send : callable
        ``send(message, buffers)``.
    predicted : callable
        Told the edits and predictions of each answer.
    """

    def __init__(
        self,
        question: Foresees,
        send: Send,
        predicted: Callable[[list[Any], NDArray[np.float64]], None],
        *,
        latest: Callable[[], Latest] = Latest,
    ) -> None:
        self._question = question
        self._send = send
        self._predicted = predicted
        self._workers = {"preview": latest(), "picture": latest()}

    def ask(self, message: Mapping[str, Any], request: Mapping[str, Any]) -> None:
        """Take in a message; returns at once.

        Parameters
        ----------
        message : mapping
            As ``wire.schema.ToPython`` has it.
        request : mapping
            The present request; the message's edits and parameters go before its own.
        """
        kind = message["type"]
        asked = dict(request)
        if isinstance(message.get("edits"), list):
            asked["edits"] = message["edits"]
        if isinstance(message.get("params"), dict):
            asked["params"] = {**request.get("params", {}), **message["params"]}
        answer = self._preview if kind == "preview" else self._picture
        self._workers[kind].submit(lambda: answer(message.get("id", 0), asked))

    def cancel(self) -> None:
        """Forget what waits."""
        for worker in self._workers.values():
            worker.cancel()

    def _preview(self, number: Any, request: Mapping[str, Any]) -> None:
        try:
            predictions = self._question.predict(request)
        except Exception as error:  # noqa: BLE001  # whatever the user's model raises is said in the view
            self._send({"type": "preview", "id": number, "error": str(error)}, [])
            return
        # the hand first: what observes the view in the notebook may take its time
        self._send({"type": "preview", "id": number, "predictions": predictions.tolist()}, [])
        self._predicted(list(request.get("edits") or ()), predictions)

    def _picture(self, number: Any, request: Mapping[str, Any]) -> None:
        try:
            picture: Any = encode.encode_picture(self._question.layout(request))
        except Exception as error:  # noqa: BLE001
            self._send({"type": "picture", "id": number, "error": str(error)}, [])
            return
        buffers = [picture.pop("image"), picture.pop("labels", b"")]
        self._send({"type": "picture", "id": number, **picture}, buffers)
