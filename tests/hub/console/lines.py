"""A line between browser and console that can go dead without a word, as after sleep or a change of Wi-Fi."""

from __future__ import annotations

import contextlib
import socket
import threading


class Line:
    """Forwards connections to a port of loopback. What is cut stays open and silent, also when the line is back."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._dead = threading.Event()
        """Of the connections that are made now."""
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Nothing comes through any more."""
        self._dead.set()

    def mend(self) -> None:
        """New connections come through."""
        self._dead = threading.Event()

    def close(self) -> None:
        """End the line with all that hangs on it."""
        self._server.close()
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            dead = self._dead
            self._open.append(near)
            if dead.is_set():
                continue
            far = socket.create_connection(("127.0.0.1", self._port))
            self._open.append(far)
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=_pump, args=(source, target, dead), daemon=True).start()


def _pump(source: socket.socket, target: socket.socket, dead: threading.Event) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            if not dead.is_set():
                target.sendall(data)
        if not dead.is_set():
            target.shutdown(socket.SHUT_WR)
