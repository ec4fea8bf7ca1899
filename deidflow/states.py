"""How a series stands after a step: the words of every record, table and page."""

from __future__ import annotations

from enum import StrEnum


class SeriesState(StrEnum):
    """What a step made of a series."""

    ANONYMIZED = "anonymized"
    CONVERTED = "converted"
    READ = "read"
    DEFACED = "defaced"
    NO_FACE_IN_VIEW = "no face in view"
    ALREADY_DEFACED = "already defaced"
    NOT_A_HEAD = "not a head"
    SPARED = "spared by a rule"
    RELEASED = "released"
    QUARANTINED = "quarantined"
    HELD = "held"
    FAILED = "failed"


WHOLE = frozenset((SeriesState.RELEASED, SeriesState.NOT_A_HEAD, SeriesState.SPARED))
"""States of series that keep all their pixels."""


class TextState(StrEnum):
    """What was done about text in the pixels of a released series."""

    NOT_READ = "not read"
    PROJECTION = "projection read"
    READ = "read"
    BLANKED = "blanked and read"


class StepState(StrEnum):
    """Where a step of a session stands, as `deidflow status` shows it."""

    DONE = "done"
    CACHED = "cached"
    FAILED = "failed"
    QUARANTINED = "quarantined"
    STALE = "stale"
    NEVER_RUN = "-"
