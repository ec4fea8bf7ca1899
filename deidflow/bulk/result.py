"""What came out of de-identifying headers: counts and file numbers, no paths and no values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deidflow.verdicts import Reason, Verdict


@dataclass(frozen=True)
class NotReleased:
    """A file that has no output, by its number among the files found, counted from 1."""

    number: int
    verdict: Verdict
    reason: Reason
    detail: str = ""
    """The attribute that is the reason, where one is."""

    @property
    def words(self) -> str:
        """The reason in words, without values."""
        return f"{self.reason.words}: {self.detail}" if self.detail else self.reason.words


@dataclass(frozen=True)
class Result:
    """How a call of `anonymize` ended; `verdicts` add up to `files`."""

    out: Path
    files: int
    verdicts: Mapping[str, int]
    subjects: int
    reused: int
    """Files among the released that an earlier call had written, still intact."""
    not_released: tuple[NotReleased, ...]
    warnings: tuple[str, ...]
    plan: tuple[tuple[int, str, str], ...] = ()
    """Of a dry run: file number, attribute, action."""

    @property
    def exit_code(self) -> int:
        """5 where something failed, 4 where something is in quarantine or nothing is released, else 0."""
        if self.verdicts[Verdict.FAILED.value]:
            return 5
        held_back = self.verdicts[Verdict.QUARANTINED.value] or self.is_empty
        return 4 if held_back else 0

    @property
    def is_empty(self) -> bool:
        """Whether no file of the source is released."""
        return not self.verdicts[Verdict.RELEASED.value]

    @property
    def reasons(self) -> list[tuple[str, str, int]]:
        """Verdict, reason in words, and how many files."""
        counts = Counter((one.verdict.value, one.words) for one in self.not_released)
        return [(verdict, words, count) for (verdict, words), count in sorted(counts.items())]
