"""The result of a call: counts and file numbers, no paths and no values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from deidflow.verdicts import Reason, Verdict

SOMETHING_FAILED = 5
SOMETHING_HELD_BACK = 4


@dataclass(frozen=True)
class NotReleased:
    """A file without an output, by its number among the files found, counted from 1."""

    number: int
    verdict: Verdict
    reason: Reason
    detail: str = ""
    """The attribute that is the reason, if there is one."""

    @property
    def words(self) -> str:
        """The reason in words, without values."""
        if self.detail:
            return f"{self.reason.words}: {self.detail}"
        return self.reason.words


class PlannedChange(NamedTuple):
    """What a dry run would do to an attribute of a file."""

    number: int
    attribute: str
    action: str


class ReasonCount(NamedTuple):
    """Why files have a verdict, in words, and how many."""

    verdict: str
    words: str
    files: int


@dataclass(frozen=True)
class Result:
    """The result of a call of `anonymize`; `verdicts` add up to `files`."""

    out: Path
    files: int
    verdicts: Mapping[str, int]
    subjects: int
    reused: int
    """Released files that an earlier call had written and that are still intact."""
    not_released: tuple[NotReleased, ...]
    warnings: tuple[str, ...]
    plan: tuple[PlannedChange, ...] = ()
    """Of a dry run."""

    @property
    def exit_code(self) -> int:
        """5 if a file failed, 4 if one is in quarantine or none is released, otherwise 0."""
        if self.verdicts[Verdict.FAILED]:
            return SOMETHING_FAILED
        if self.verdicts[Verdict.QUARANTINED] or self.is_empty:
            return SOMETHING_HELD_BACK
        return 0

    @property
    def is_empty(self) -> bool:
        """Whether no file of the source is released."""
        return not self.verdicts[Verdict.RELEASED]

    @property
    def reasons(self) -> list[ReasonCount]:
        """Why files are not released, sorted by verdict and words."""
        counts: Counter[tuple[str, str]] = Counter()
        for file in self.not_released:
            verdict = file.verdict.value
            counts[verdict, file.words] += 1

        rows: list[ReasonCount] = []
        for (verdict, words), files in counts.items():
            row = ReasonCount(
                verdict=verdict,
                words=words,
                files=files,
            )
            rows.append(row)
        return sorted(rows)
