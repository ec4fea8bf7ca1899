"""What the ledger of an archive knows of an instance."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from deidflow.identity.sent_table import SentState
from deidflow.pacs.published import (
    OutgoingInstance,
)


class Standing(Enum):
    """What the ledger knows of an instance."""

    NEW = 1
    DOUBTFUL = 2
    """It was being sent when its sender was killed."""
    SENT = 3
    CHANGED = 4
    """It was sent with other bytes."""


def standing_of(
    instance: OutgoingInstance, states: Mapping[str, tuple[str, SentState]]
) -> Standing:
    known = states.get(instance.sop_uid)
    if known is None:
        return Standing.NEW
    sha256, state = known
    if sha256 != instance.sha256:
        return Standing.CHANGED
    if state is SentState.SENDING:
        return Standing.DOUBTFUL
    return Standing.SENT
