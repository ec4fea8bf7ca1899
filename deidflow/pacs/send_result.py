"""How sending ended: counts of instances, and what was not sent."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from deidflow.errors import StepFailed


@dataclass
class SendResult:
    """Counts of instances, and the sessions that were not sent."""

    sent: int = 0
    already: int = 0
    coerced: int = 0
    changed: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    held: list[tuple[str, str, str]] = field(default_factory=list)
    """Subject, session and why."""
    left: int = 0
    """Sessions that were not looked at, since the window closed."""
    lost: str = ""
    """Why the archive was given up."""

    @property
    def exit_code(self) -> int:
        """5 where something could not be sent, 4 where something may not be."""
        if self.lost or self.refused:
            return StepFailed.exit_code
        return 4 if self.held or self.changed else 0
