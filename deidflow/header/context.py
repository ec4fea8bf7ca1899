"""What the anonymizer must know about the subject, study and series at hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from deidflow.header.clock import StudyClock
from deidflow.header.text import Scrubber
from deidflow.header.uids import UidMap


@dataclass(frozen=True)
class HeaderContext:
    """One subject and study. Without a clock no date or time can be moved onto it."""

    pseudonym: str
    uids: UidMap
    shift_days: int
    clock: StudyClock | None
    scrubber: Scrubber
    binned: bool
    bin_trigger_time: bool = True
    hash_key: bytes = b""
    """Key of the action `hash`."""
    label: str = ""
    """Label of the session, for the action `timepoint`."""
    days_since: int | None = None
    """Days since the event that the profile counts from."""
    overlay_bits_cleared: bool = False
    """Whether pixel bits with overlays are cleared elsewhere; else such instances are withheld."""
    zone: timedelta | None = None
    """The offset from UTC of local times in the header at hand, if it states one (0008,0201)."""
    refuse: Callable[[int, str], None] | None = None
    """Called with tag and text of what is kept; may raise Withheld, e.g. for another's name."""
    charset: tuple[str, ...] = ("iso8859",)
    """Python codecs of the header at hand (PS3.3 C.12.1.1.2)."""
