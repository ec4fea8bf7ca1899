"""A connection that can be cut in the middle."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class Proxy:
    """Between us and the archive; cuts the connection after some bytes, as often as it is told."""

    def __init__(self, target: int, cuts: list[int]) -> None:
        self.target, self.cuts, self.server = target, cuts, socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                ours, _ = self.server.accept()
            except OSError:
                return
            theirs = socket.create_connection(("127.0.0.1", self.target))
            limit = self.cuts.pop(0) if self.cuts else None
            for one, other, most in ((ours, theirs, limit), (theirs, ours, None)):
                threading.Thread(target=self._pump, args=(one, other, most), daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket, most: int | None) -> None:
        passed = 0
        try:
            while data := one.recv(512):
                passed += len(data)
                if most is not None and passed > most:
                    break
                other.sendall(data)
        except OSError:
            pass
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
