"""Instances are sent by C-STORE, byte for byte, and asked for by C-FIND."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from deidflow.pacs.association import (
    ConnectionLost,
    NothingAccepted,
    Refused,
    application_entity,
    associated,
)
from deidflow.pacs.outcome import OTHER_CONTEXT, Outcome, ReadInstance, is_busy, outcome_of
from deidflow.pacs.published import OutgoingInstance
from deidflow.settings.pacs import PacsSettings, PeerSettings

PENDING = (0xFF00, 0xFF01)


def store_by_dimse(
    pacs: PacsSettings,
    peer: PeerSettings,
    instances: Sequence[OutgoingInstance],
    read: ReadInstance,
    scratch: Path,
) -> Iterator[Outcome]:
    """Send instances over one association, each from the file `scratch`.

    Raises ConnectionLost, after the outcomes before it were given; Refused where we are not let in.
    """
    entity = application_entity(pacs)
    for sop_class, syntax in sorted({(one.sop_class, one.syntax) for one in instances}):
        entity.add_requested_context(sop_class, syntax)
    try:
        with associated(entity, pacs, peer) as association:
            for instance in instances:
                scratch.write_bytes(read(instance))
                yield _sent(association, peer, instance, scratch)
    except NothingAccepted:
        for instance in instances:
            yield Outcome(instance, refusal=OTHER_CONTEXT)


def _sent(
    association: Any, peer: PeerSettings, instance: OutgoingInstance, scratch: Path
) -> Outcome:
    lost = ConnectionLost(f"{peer.name} went away in the middle of a transfer")
    try:
        status = association.send_c_store(scratch)
    except ValueError:
        return Outcome(instance, refusal=OTHER_CONTEXT)
    except RuntimeError:
        raise lost from None

    if "Status" not in status:
        raise lost
    code = int(status.Status)
    if is_busy(code):
        raise ConnectionLost(f"{peer.name} is out of resources (status {code:04X})")
    return outcome_of(instance, code)


def stored_by_dimse(
    pacs: PacsSettings, peer: PeerSettings, study_uid: str, series_uid: str
) -> set[str]:
    """UIDs of the instances of a series that an archive has; empty where it cannot be asked.

    Raises ConnectionLost.
    """
    entity = application_entity(pacs)
    from pydicom.dataset import Dataset
    from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind as Find

    wanted = Dataset()
    wanted.QueryRetrieveLevel = "IMAGE"
    wanted.StudyInstanceUID = study_uid
    wanted.SeriesInstanceUID = series_uid
    wanted.SOPInstanceUID = ""
    entity.add_requested_context(Find)
    try:
        with associated(entity, pacs, peer) as association:
            answers = association.send_c_find(wanted, Find)
            return {str(row.SOPInstanceUID) for row in matches(answers, peer)}
    except Refused:
        return set()


def matches(answers: Any, peer: PeerSettings) -> Iterator[Any]:
    """The data sets of a C-FIND; raises ConnectionLost or Refused where it does not end well."""
    for status, row in answers:
        if "Status" not in status:
            raise ConnectionLost(f"{peer.name} went away in the middle of a query")
        code = int(status.Status)
        if code in PENDING and row is not None:
            yield row
        elif is_busy(code):
            raise ConnectionLost(f"{peer.name} is out of resources (status {code:04X})")
        elif code != 0:
            raise Refused(f"{peer.name} refused the query with status {code:04X}")
