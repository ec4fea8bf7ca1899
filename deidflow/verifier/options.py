"""What a verification is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Conformance = Literal["off", "kinds", "all"]


@dataclass(frozen=True)
class VerifyOptions:
    """A release to verify, and what to hold it against."""

    release: Path
    level: str = ""
    """low or high; empty for what the release claims of itself."""
    subjects: tuple[str, ...] = ()
    """Folders at the top of the release; empty for all."""
    vault: Path | None = None
    source: Path | None = None
    named: tuple[str, ...] = ()
    """Files and folders of the source that were asked for; none named: all of it."""
    uid_roots: tuple[str, ...] = ("2.25",)
    vocabulary: frozenset[str] = frozenset()
    """Further words that descriptions may hold, lower case."""
    conformance: Conformance = "off"
    faces: bool = False
    """Whether other people's software judges the faces; needs the extra `faces`."""
