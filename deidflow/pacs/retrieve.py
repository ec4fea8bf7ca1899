"""A study is brought into the spool: by C-GET, by C-MOVE to ourselves, or by WADO-RS."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from deidflow.errors import EnvironmentFault, Withheld
from deidflow.pacs.association import (
    ConnectionLost,
    Refused,
    application_entity,
    associated,
)
from deidflow.pacs.instance import read_received
from deidflow.pacs.query import FoundStudy
from deidflow.pacs.receiver import MALFORMED, Received, StoreHandler, keep_counted, receiving
from deidflow.pacs.spool import Spool
from deidflow.pacs.store_dimse import PENDING
from deidflow.pacs.web import study_by_web
from deidflow.settings.pacs import FetchSettings, PacsSettings, PeerSettings, ReceiveSettings
from deidflow.store.locks import is_held

_MOST_CONTEXTS = 127
"""Beside that of C-GET; an association has at most 128."""
_PLAIN = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2")
_COMPRESSED = (
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.5",
    "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.201",
    "1.2.840.10008.1.2.4.202",
    "1.2.840.10008.1.2.4.203",
)
"""JPEG 2000, JPEG, JPEG-LS, RLE, HTJ2K; what is common first."""
_PARTS_FAILED = (0xA702, 0xB000)
"""All or some of the storage operations."""
_UNKNOWN_DESTINATION = 0xA801


@contextmanager
def destination(
    pacs: PacsSettings, fetch: FetchSettings, spool: Spool, received: Received
) -> Iterator[None]:
    """With C-MOVE, a receiver for the archive, unless one is at work on this spool."""
    comes_to_us = not fetch.peer.url and fetch.by == "move"
    if not comes_to_us or is_held(spool.lock):
        yield
        return

    receive = pacs.receive or ReceiveSettings()
    title = fetch.peer.ae_title or ""
    with receiving(
        pacs,
        receive,
        spool,
        received,
        also=title,
    ):
        yield


def retrieve(
    pacs: PacsSettings, fetch: FetchSettings, study: FoundStudy, spool: Spool, received: Received
) -> bool:
    """Ask the archive for a study; what comes is in the spool, on the disk.

    Returns whether the archive says that it could not give everything; whether all came is for the
    caller to count. Raises ConnectionLost and Refused.
    """
    peer = fetch.peer
    if peer.url:
        return _by_web(
            pacs,
            peer,
            study,
            spool,
            received,
        )
    if fetch.by == "get":
        handler = StoreHandler(spool, received)
        return _by_get(
            pacs,
            peer,
            study,
            handler,
        )
    return _by_move(pacs, peer, study)


def _by_get(
    pacs: PacsSettings, peer: PeerSettings, study: FoundStudy, handler: StoreHandler
) -> bool:
    from pynetdicom import build_role, evt
    from pynetdicom.presentation import StoragePresentationContexts
    from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelGet as Get

    usual = [str(context.abstract_syntax) for context in StoragePresentationContexts]
    classes = list(study.classes or usual)[:_MOST_CONTEXTS]
    entity = application_entity(pacs)
    entity.add_requested_context(Get)
    for sop_class, syntaxes in storage_contexts(classes):
        entity.add_requested_context(sop_class, syntaxes)

    roles = [build_role(sop_class, scp_role=True) for sop_class in classes]
    handlers = [(evt.EVT_C_STORE, handler)]
    with associated(entity, pacs, peer, handlers, roles) as association:
        answers = association.send_c_get(_identifier(study), Get)
        return _followed(answers, peer)


def storage_contexts(classes: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Classes and encodings to offer, as many as fit into one association.

    The archive accepts one encoding of each offer. Where the classes are few, each compression is
    an offer of its own, so that nothing has to be decompressed on the way.
    """
    each = _MOST_CONTEXTS // len(classes)
    single = _COMPRESSED[: each - 1]
    together = _COMPRESSED[each - 1 :]
    for sop_class in classes:
        yield sop_class, [*_PLAIN, *together]
        for syntax in single:
            yield sop_class, [syntax]


def _by_move(pacs: PacsSettings, peer: PeerSettings, study: FoundStudy) -> bool:
    from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelMove as Move

    entity = application_entity(pacs)
    entity.add_requested_context(Move)
    with associated(entity, pacs, peer) as association:
        answers = association.send_c_move(_identifier(study), pacs.ae_title, Move)
        return _followed(answers, peer)


def _identifier(study: FoundStudy) -> Any:
    from pydicom.dataset import Dataset

    identifier = Dataset()
    identifier.QueryRetrieveLevel = "STUDY"
    identifier.StudyInstanceUID = study.study_uid
    return identifier


def _followed(answers: Any, peer: PeerSettings) -> bool:
    """Wait for the end of a retrieval (PS3.4 sections C.4.2 and C.4.3); whether a part failed."""
    code = 0
    for status, _ in answers:
        if "Status" not in status:
            raise ConnectionLost(f"{peer.name} went away in the middle of a study")
        code = int(status.Status)
        if code == _UNKNOWN_DESTINATION:
            raise Refused(f"{peer.name} does not know our title; have it entered there")
        if code in (0, *PENDING, *_PARTS_FAILED):
            continue
        if 0xA700 <= code < 0xA800:
            raise ConnectionLost(f"{peer.name} is out of resources (status {code:04X})")
        raise Refused(f"{peer.name} refused the retrieval with status {code:04X}")
    return code in _PARTS_FAILED


def _by_web(
    pacs: PacsSettings, peer: PeerSettings, study: FoundStudy, spool: Spool, received: Received
) -> bool:
    for content in study_by_web(pacs, peer, study.study_uid):
        try:
            instance = read_received(content)
        except Withheld:
            received.add(MALFORMED)
            continue
        try:
            keep_counted(spool, received, instance)
        except OSError as error:
            raise EnvironmentFault(
                f"the spool cannot be written: {error.strerror}; free some space, then fetch again"
            ) from None
    return False
