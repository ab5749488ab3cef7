"""A wire between page and server that can be cut, or fall silent: what a browser sees when the network goes."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from types import TracebackType

_CHUNK = 1 << 16


class Proxy:
    """Passes every byte between a free local port and a server on, until it is cut or silenced.

    Parameters
    ----------
    server : str
        Address of the server.
    """

    def __init__(self, server: str) -> None:
        self._to = ("127.0.0.1", int(server.rstrip("/").rsplit(":", 1)[1]))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._whole = True
        self._speaks = threading.Event()
        self._speaks.set()
        self._closed = False
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def silence(self) -> None:
        """Nothing passes either way, and neither end is told: packets are lost, or a router forgot the connection."""
        self._speaks.clear()

    def cut(self) -> None:
        """End every connection, and each new one at once; what a silent wire has swallowed is lost."""
        with self._lock:
            self._whole = False
            ends, self._open = self._open, set()
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Let connections through again; on those that were only silent what was sent meanwhile comes late."""
        with self._lock:
            self._whole = True
        self._speaks.set()

    def _serve(self) -> None:
        while not self._closed:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                whole = self._whole
            if not whole:
                near.close()
                continue
            threading.Thread(target=self._pass, args=(near,), daemon=True).start()

    def _pass(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(self._to)
        except OSError:
            near.close()
            return
        with near, far, selectors.DefaultSelector() as ready:
            with self._lock:
                self._open |= {near, far}
            ready.register(near, selectors.EVENT_READ, far)
            ready.register(far, selectors.EVENT_READ, near)
            with contextlib.suppress(OSError):
                while True:
                    for key, _ in ready.select():
                        data = key.fileobj.recv(_CHUNK)  # type: ignore[union-attr]
                        while not self._speaks.wait(0.1):
                            with self._lock:
                                if near not in self._open:
                                    return
                        if not data:
                            return
                        key.data.sendall(data)
