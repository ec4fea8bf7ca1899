"""Sockets that do not wait: a small message at a time is all that DIMSE sends.

With the usual settings each instance costs two delayed acknowledgements of 40 ms (Nagle's algorithm
on one side, RFC 1122 section 4.2.3.2 on the other), many times what storing it takes.
"""

from __future__ import annotations

import socket
from typing import Any


def prompt_handlers() -> list[Any]:
    """Handlers of pynetdicom that keep an association's socket prompt."""
    from pynetdicom import evt

    return [
        (evt.EVT_CONN_OPEN, _send_at_once),
        (evt.EVT_DATA_SENT, _acknowledge_at_once),
        (evt.EVT_DATA_RECV, _acknowledge_at_once),
    ]


def _send_at_once(event: Any) -> None:
    _set(event, "TCP_NODELAY")


def _acknowledge_at_once(event: Any) -> None:
    """Ask for it again each time: Linux forgets it."""
    _set(event, "TCP_QUICKACK")


def _set(event: Any, name: str) -> None:
    """Set an option where the system has it and the connection is still there."""
    option = getattr(socket, name, None)
    connection = getattr(event.assoc.dul.socket, "socket", None)
    if option is None or connection is None:
        return
    try:
        connection.setsockopt(
            socket.IPPROTO_TCP,
            option,
            1,
        )
    except OSError:
        return
