"""How an archive answered for one instance, in the same words for DIMSE and DICOMweb."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from deidflow.pacs.published import OutgoingInstance

OTHER_CONTEXT = "the archive does not take its class or encoding"
COERCED = "stored, and changed by the archive (it says so)"
_OUT_OF_RESOURCES = range(0xA700, 0xA800)
_WARNINGS = (0xB000, 0xB006, 0xB007)
"""Coercion of data elements, elements discarded, data set does not match SOP class."""

ReadInstance = Callable[[OutgoingInstance], bytes]
"""The bytes to send of an instance, checked at this moment."""


@dataclass(frozen=True)
class Outcome:
    """What became of one instance; the archive has it unless `refusal` says why not."""

    instance: OutgoingInstance
    refusal: str = ""
    coerced: bool = False


def is_busy(status: int) -> bool:
    """Whether a status means that the archive cannot store anything now."""
    return status in _OUT_OF_RESOURCES


def outcome_of(instance: OutgoingInstance, status: int) -> Outcome:
    """The outcome that a status of C-STORE means (PS3.4 section B.2.3)."""
    if status == 0:
        return Outcome(instance)
    if status in _WARNINGS:
        return Outcome(instance, coerced=True)
    return Outcome(instance, refusal=f"the archive refused it with status {status:04X}")
