"""Ports for the servers of tests."""

from __future__ import annotations

import itertools
import os
import socket

_FIRST = 20_000
"""Below those that systems give to outgoing connections, one of which could come first."""
_EACH = 1_000
"""Ports of one process of the tests, so that no other takes what one was given."""
_next = itertools.count(os.getpid())


def free_port() -> int:
    """A port of the loopback interface on which nobody listens."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    start = _FIRST + _EACH * int(worker)
    for number in itertools.islice(_next, _EACH):
        port = start + number % _EACH
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise AssertionError("no port is free")
