"""The search for identifiers of everybody in the vault, in every value of a release."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deidflow.checks.cohort import CohortIndex
from deidflow.checks.elements import Element
from deidflow.checks.findings import KIND_WORDS, holds
from deidflow.checks.kinds import DATES
from deidflow.checks.leaks import Hit, LeakSearch
from deidflow.checks.ours import Ours
from deidflow.checks.own import OwnIdentifiers
from deidflow.checks.shared import SharedValues
from deidflow.checks.words import readable
from deidflow.verifier.claims import Claims
from deidflow.verifier.findings import Check, Finding, Mark
from deidflow.verifier.instance import name_of
from deidflow.verifier.observers import Seen
from deidflow.verifier.repeats import Latest
from deidflow.verifier.table import FULL_DATES
from deidflow.verifier.tree import entries_below, shown_name
from deidflow.verifier.vault import VaultView

Hits = set[tuple[str, str, str]]
_KEY = bytes(range(32))
"""Hashes of the index are compared within this process only."""
_KEPT_KINDS = {"113109": {"text"}, "113112": {"text", "contact"}, FULL_DATES: {"date"}}
"""Kinds of identifiers that a declared option lets stay."""


@dataclass
class CohortLeaks:
    """Searches each instance for its patient's identifiers and for everybody else's."""

    vault: VaultView
    source: Path
    release: Path
    claims: Claims
    _cohort: CohortIndex | None = None
    _searches: dict[tuple[str, str], LeakSearch] = field(default_factory=dict)
    _repeated: Latest[Hits] = field(default_factory=Latest)

    def look(self, seen: Seen) -> Iterator[Mark]:
        """Identifiers in one instance."""
        search = self._search(seen.entry.parts)
        if search is None:
            return

        repeated = seen.instance.repeated
        key = *seen.entry.parts[:2], repeated
        known = self._repeated.get(key, lambda: _hits(search, repeated.elements))
        hits = known | _hits(search, seen.instance.fresh)
        for part, raw in (("preamble", seen.instance.preamble), *_meta(seen)):
            for hit in search.binary(part, readable(raw + bytes(4))):
                hits.add((part, hit.whose, hit.kind))

        for name, whose, kind in sorted(hits):
            yield _mark(
                name,
                whose,
                kind,
            )

    def end(self) -> Iterator[Finding]:
        """Identifiers in what is not DICOM, and in the names of files."""
        for entry in entries_below(self.release):
            search = self._search(entry.parts)
            if search is None or not entry.is_regular:
                continue
            shown = shown_name(entry.name, is_ours=self.claims.is_ours)
            hits = list(search.text("name", entry.parts[-1]))
            if entry.path.suffix == ".json":
                hits += _json_hits(
                    search,
                    "",
                    _json(entry.path),
                )
            for hit in dict.fromkeys(hits):
                yield Finding(
                    shown,
                    *_mark(
                        hit.attribute,
                        hit.whose,
                        hit.kind,
                    ),
                )

    def _search(self, parts: list[str]) -> LeakSearch | None:
        """The search of a session; None for files that belong to none."""
        if len(parts) < 3 or parts[0] not in self.vault.orders:
            return None
        key = parts[0], parts[1]
        if key not in self._searches:
            self._searches[key] = self._new_search(*key)
        return self._searches[key]

    def _new_search(self, subject: str, label: str) -> LeakSearch:
        order = self.vault.orders[subject]
        pairs = [(kind, value) for kind, value in order.identifiers if kind in self._kinds]
        return LeakSearch(
            own=OwnIdentifiers.of(pairs),
            ours=Ours(frozenset((subject, label))),
            cohort=self._everybody(),
            shared=SharedValues(self.vault.samples_of_others(subject, self.source)),
        )

    def _everybody(self) -> CohortIndex:
        """An index of everybody's identifiers, and of the UIDs in the vault's table."""
        if self._cohort is None:
            pairs = {
                (kind, value)
                for order in self.vault.orders.values()
                for kind, value in order.identifiers
                if kind in self._kinds - DATES
            }
            retained = self.claims.retains_uids
            uids = set() if retained else {row.sop_uid for row in self.vault.rows if row.sop_uid}
            self._cohort = CohortIndex.of(
                pairs,
                uids,
                _KEY,
            )

        return self._cohort

    @property
    def _kinds(self) -> frozenset[str]:
        """The kinds of identifiers that the release promises to take away."""
        kept: set[str] = set()
        for code, kinds in _KEPT_KINDS.items():
            if code in self.claims.promise.codes:
                kept |= kinds
        promised = self.claims.promise.search or frozenset(KIND_WORDS)
        return promised - kept


def _hits(search: LeakSearch, elements: Iterable[Element]) -> Hits:
    """Attribute, whose and of what kind, for each identifier in some elements."""
    hits = set()
    for element in elements:
        if element.vr != b"SQ":
            for hit in search.element(element):
                hits.add((name_of(element), hit.whose, hit.kind))
    return hits


def _mark(name: str, whose: str, kind: str) -> Mark:
    return Mark(
        Check.LEAK,
        name,
        holds(kind, whose),
    )


def _meta(seen: Seen) -> Iterator[tuple[str, bytes]]:
    for tag, raw in seen.instance.meta.items():
        if tag > 0x00020013:
            yield "file meta", raw


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except ValueError:
        return None


def _json_hits(search: LeakSearch, key: str, value: Any) -> Iterator[Hit]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _json_hits(
                search,
                name,
                inner,
            )
    elif isinstance(value, list):
        for inner in value:
            yield from _json_hits(
                search,
                key,
                inner,
            )
    elif isinstance(value, str):
        yield from search.text(key, value)
