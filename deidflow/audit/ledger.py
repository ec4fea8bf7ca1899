"""The ledger of a project and level: what was done and decided, and where each segment ends."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from cryptography.exceptions import InvalidTag

from deidflow.audit.chain import Chain, parsed, whole_lines
from deidflow.errors import EnvironmentFault
from deidflow.identity.audit_table import LedgerHead
from deidflow.identity.secret import LEDGER_PURPOSE, Keys, load_secret
from deidflow.identity.vault import Vault
from deidflow.store.locks import locked_file
from deidflow.version import __version__

NAME = "ledger.jsonl"
_PRIVATE = 0o600
_WINDOW = 1 << 14
"""Bytes from the end that are read to find the last line."""
_SURROUNDED = 2
"""Parts around line breaks: with more of them, one is a whole line."""
Details = Mapping[str, object]
"""What is noted of an event: JSON values, never an original one."""


class Event(StrEnum):
    """What a line of the ledger tells of."""

    STARTED = "started"
    SEGMENT = "segment"
    STUDY = "study"
    ENDED = "ended"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"
    DECIDED = "decided"
    ERASED = "erased"
    EXPORTED = "exported"


def audit_folder(vault: Path, project: str, level: str) -> Path:
    """The audit of a project and level."""
    return vault / "audit" / f"{project}-{level}"


@dataclass(frozen=True)
class Ledger:
    """The ledger of a project and level; any process that has its key may add to it."""

    folder: Path
    key: bytes

    @classmethod
    def of(cls, vault: Path, keys: Keys) -> Ledger:
        """The ledger of a project and level."""
        folder = audit_folder(
            vault,
            keys.project,
            keys.level,
        )
        return cls(folder, keys.derive(LEDGER_PURPOSE))

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / NAME

    def add(self, event: Event, details: Details) -> None:
        """Add a line; it is on disk when this returns."""
        self.add_all([(event, details)])

    def add_all(self, events: Iterable[tuple[Event, Details]]) -> None:
        """Add lines; they are on disk when this returns."""
        rows = []
        for event, details in events:
            rows.append(_fields(event, details))

        if not rows:
            return
        self.folder.mkdir(
            parents=True,
            exist_ok=True,
            mode=0o700,
        )
        with locked_file(self.path) as descriptor:
            chain = self._end(descriptor)
            os.write(descriptor, chain.joined(rows))
            os.fsync(descriptor)

    def _end(self, descriptor: int) -> Chain:
        """The chain after the last whole line; what a killed process left of another one goes."""
        chain = Chain.of(self.key, NAME)
        last = _last_line(descriptor)
        if not last:
            return chain
        end = parsed(last)

        if end is None:
            raise EnvironmentFault(
                "the last line of the audit's ledger was changed; run 'deidflow vault check'"
            )
        return Chain(
            chain.hashed,
            end.mac,
            end.number,
        )

    def lines(self) -> Iterator[bytes]:
        """The whole lines; none where nothing was noted yet."""
        try:
            yield from whole_lines(self.path)
        except FileNotFoundError:
            return

    def events(self) -> Iterator[dict[str, object]]:
        """What the lines say; those that are no JSON are left to the check."""
        for line in self.lines():
            with suppress(ValueError):
                event = json.loads(line)
                if isinstance(event, dict):
                    yield event


def _fields(event: Event, details: Details) -> bytes:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    row = {
        "event": event.value,
        "time": now,
        "by": _user(),
        "deidflow": __version__,
        **details,
    }
    return json.dumps(row)[1:-1].encode("ascii")


def _user() -> str:
    """Who runs this process, as the machine knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _last_line(descriptor: int) -> bytes:
    """The last whole line of a file, from which a line that was cut off is taken away."""
    size = os.fstat(descriptor).st_size
    window = _WINDOW
    while True:
        start = max(0, size - window)
        content = os.pread(
            descriptor,
            size - start,
            start,
        )
        whole = content.rfind(b"\n") + 1
        lines = content[:whole].split(b"\n")
        if len(lines) > _SURROUNDED or start == 0:
            break
        window *= 2

    os.ftruncate(descriptor, start + whole)
    return lines[-2] if whole else b""


def record_event(vault: Path, project: str, level: str, event: Event, details: Details) -> None:
    """Note an act of somebody in the audit, and how far the audit is known.

    Raises EnvironmentFault where the vault's secret cannot be read.
    """
    secret = load_secret(vault, create=False)
    keys = Keys(secret, project, level)
    Ledger.of(vault, keys).add(event, details)
    with closing(Vault(vault, keys)) as opened:
        remember_end(opened)


def remember_end(vault: Vault) -> None:
    """Note in the vault's database how far the ledger goes, so that a cut is found.

    What the database remembers stays where the ledger does not hold it any more.
    """
    ledger = Ledger.of(vault.folder, vault.keys)
    try:
        known = vault.audit.head()
    except InvalidTag:
        # `vault check` says so.
        return
    end: LedgerHead | None = None
    is_known = known is None
    for line in ledger.lines():
        row = parsed(line)
        if row is None:
            return
        end = LedgerHead(row.number, row.mac)
        is_known = is_known or end == known
    if is_known and end is not None and end != known:
        vault.audit.set_head(end)
