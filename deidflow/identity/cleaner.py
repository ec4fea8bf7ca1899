"""What de-identifies the headers and texts of one subject, from its work order."""

from __future__ import annotations

from collections.abc import Callable

from deidflow.header.cleaner import HeaderCleaner
from deidflow.header.clock import StudyClock
from deidflow.header.completeness import keeps_uids
from deidflow.header.context import HeaderContext
from deidflow.header.markers import Marker, markers
from deidflow.header.profile import Profile
from deidflow.header.rules import compile_profile
from deidflow.header.text import Scrubber
from deidflow.header.uids import UidMap
from deidflow.identity.workorder import SessionOrder, WorkOrder


def cleaner_for(
    order: WorkOrder,
    session: SessionOrder,
    profile: Profile,
    *,
    explicit_out: bool,
    overlay_bits_cleared: bool,
    refuse: Callable[[int, str], None] | None = None,
) -> HeaderCleaner:
    """What de-identifies the headers of a session; `for_series` fits it to a series.

    `overlay_bits_cleared` is the caller's promise to clear bits of pixels that hold an overlay;
    without it such an instance is withheld. `refuse` is given tag and text of what stays, and
    raises Withheld.
    """
    context = HeaderContext(
        pseudonym=order.pseudonym,
        uids=_uid_map(order, profile),
        shift_days=_shift_days(order, profile),
        clock=StudyClock.parse(session.origin),
        scrubber=scrubber_for(order, profile),
        binned=profile.binned,
        hash_key=bytes.fromhex(order.hash_key),
        label=session.label,
        overlay_bits_cleared=overlay_bits_cleared,
        refuse=refuse,
    )
    rules = compile_profile(profile)
    marks = _marks(profile, session)

    return HeaderCleaner(
        rules,
        context,
        marks,
        explicit_out,
    )


def _marks(profile: Profile, session: SessionOrder) -> dict[bool, list[Marker]]:
    """What tells that a header was de-identified, with explicit VR and without."""
    marks = {}
    for explicit in (True, False):
        marks[explicit] = markers(
            profile,
            session.label,
            session.days_since,
            explicit=explicit,
        )
    return marks


def _uid_map(order: WorkOrder, profile: Profile) -> UidMap:
    key = bytes.fromhex(order.uid_key)
    return UidMap(key, order.uid_root, keeps_uids(profile))


def _shift_days(order: WorkOrder, profile: Profile) -> int:
    """The shift that the profile fixes, else the subject's own."""
    fixed = profile.dates.days
    if fixed is None:
        return order.shift_days
    return fixed


def scrubber_for(order: WorkOrder, profile: Profile) -> Scrubber:
    """What cuts the subject's own identifiers out of text that a profile keeps."""
    kinds = set(profile.search)
    searched = [(kind, value) for kind, value in order.identifiers if kind in kinds]
    return Scrubber.of(searched, order.vocabulary)
