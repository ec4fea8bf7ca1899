"""What the check of a session holds a profile to."""

from __future__ import annotations

from dataclasses import dataclass

from deidflow.dicom.attributes import DATES, identifier_kinds
from deidflow.header.completeness import keeps_uids
from deidflow.header.profile import Profile
from deidflow.header.rules import compile_profile


@dataclass(frozen=True)
class Claims:
    """What a profile promises to take away: what it keeps is no leak."""

    kinds: frozenset[str]
    uids: bool
    kept: tuple[int, ...]
    """Identifying attributes that stay as they are."""

    @property
    def words(self) -> list[object]:
        """The same in a fixed order, for the key of the step."""
        return [sorted(self.kinds), self.uids, list(self.kept)]

    @classmethod
    def of(cls, profile: Profile) -> Claims:
        """The claims of a profile."""
        kinds = set(profile.search)
        if profile.dates.mode == "keep":
            kinds -= DATES - {"birth"}

        return cls(
            kinds=frozenset(kinds),
            uids=not keeps_uids(profile),
            kept=_kept_tags(profile),
        )


def _kept_tags(profile: Profile) -> tuple[int, ...]:
    rules = compile_profile(profile)
    kept = []
    for tag in identifier_kinds():
        rule = rules.for_tag(tag, "LO")
        if rule.action in ("keep", "retain", "replace"):
            kept.append(tag)
    return tuple(kept)
