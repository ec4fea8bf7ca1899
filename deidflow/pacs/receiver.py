"""A storage provider: what it acknowledges is in the spool, on the disk."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from deidflow.errors import EnvironmentFault, Withheld
from deidflow.pacs.association import application_entity, server_context
from deidflow.pacs.instance import ReceivedInstance, read_received
from deidflow.pacs.prompt_sockets import prompt_handlers
from deidflow.pacs.spool import Kept, Spool
from deidflow.settings.pacs import PacsSettings, ReceiveSettings
from deidflow.store.locks import held

SUCCESS = 0x0000
_NO_RESOURCES = 0xA700
_MISMATCH = 0xA900
_NOT_UNDERSTOOD = 0xC000
_OTHER_COPY = 0xC001
"""Status codes of C-STORE (PS3.4 section B.2.3); the last is one of `cannot understand`."""
_COMMENTS = {
    _NO_RESOURCES: "cannot be stored now",
    _MISMATCH: "command and data set name different instances",
    _NOT_UNDERSTOOD: "cut, malformed, or without its UIDs",
    _OTHER_COPY: "another copy of this instance is here; it stays",
}
MALFORMED = "refused: cut or malformed"
_WORDS = {
    _NO_RESOURCES: "refused: no space, or not writable",
    _MISMATCH: "refused: command and data set differ",
    _NOT_UNDERSTOOD: MALFORMED,
}
_KEPT_WORDS = {
    Kept.STORED: "stored",
    Kept.DUPLICATE: "duplicate, acknowledged",
    Kept.CONFLICT: "refused: another copy is here",
}


class Received:
    """Counts of what became of instances; used from the threads of all associations."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, words: str) -> None:
        """Count one instance."""
        with self._lock:
            self._counts[words] += 1

    def counts(self) -> dict[str, int]:
        """How many ended how, by words."""
        with self._lock:
            return dict(sorted(self._counts.items()))

    def refused(self) -> int:
        """How many were not acknowledged."""
        total = 0
        for words, count in self.counts().items():
            if words.startswith("refused"):
                total += count
        return total


class StoreHandler:
    """Answers C-STORE requests; `__call__` is the handler of pynetdicom."""

    def __init__(self, spool: Spool, received: Received) -> None:
        self._spool = spool
        self._received = received

    def __call__(self, event: Any) -> Any:
        """Status 0 once the instance is on the disk; any other leaves it with the sender."""
        status = self._status(event)
        return status if status == SUCCESS else _commented(status)

    def _status(self, event: Any) -> int:
        try:
            instance = read_received(event.encoded_dataset())
        except Withheld:
            return self._refused(_NOT_UNDERSTOOD)
        if instance.sop_uid != str(event.request.AffectedSOPInstanceUID):
            return self._refused(_MISMATCH)
        return self._kept(instance)

    def _kept(self, instance: ReceivedInstance) -> int:
        try:
            kept = keep_counted(self._spool, self._received, instance)
        except OSError:
            return self._refused(_NO_RESOURCES)
        return _OTHER_COPY if kept is Kept.CONFLICT else SUCCESS

    def _refused(self, status: int) -> int:
        self._received.add(_WORDS[status])
        return status


def keep_counted(spool: Spool, received: Received, instance: ReceivedInstance) -> Kept:
    """Store an instance and count what became of it; raises OSError where it cannot be stored."""
    kept = spool.keep(instance)
    received.add(_KEPT_WORDS[kept])
    return kept


def _commented(status: int) -> Any:
    from pydicom.dataset import Dataset

    answer = Dataset()
    answer.Status = status
    answer.ErrorComment = _COMMENTS[status]
    return answer


@contextmanager
def receiving(
    pacs: PacsSettings,
    receive: ReceiveSettings,
    spool: Spool,
    received: Received,
    also: str = "",
) -> Iterator[None]:
    """Receive on other threads while the context is open.

    `also` is a title that may store beside those of the settings. Raises ReleaseBusy where another
    process receives into this spool, EnvironmentFault where the port is taken.
    """
    entity = application_entity(pacs)
    from pynetdicom import evt
    from pynetdicom.sop_class import Verification

    entity.require_called_aet = True
    titles = {*receive.allow, also} - {""}
    entity.require_calling_aet = sorted(titles)
    entity.add_supported_context(Verification)
    store = StoreHandler(spool, received)
    handlers = [*prompt_handlers(), (evt.EVT_C_STORE, store)]
    tls = server_context(pacs.tls) if receive.tls and pacs.tls else None

    with held(spool.lock, "spool"):
        spool.sweep()
        try:
            server = entity.start_server(
                (receive.host, receive.port),
                block=False,
                ssl_context=tls,
                evt_handlers=handlers,
            )
        except OSError as error:
            raise EnvironmentFault(
                f"port {receive.port} cannot be listened on: {error.strerror}; "
                "name another one as 'pacs.receive.port'"
            ) from None
        try:
            yield
        finally:
            entity.shutdown()
            server.server_close()
