"""A source grouped piece by piece; a piece that is as it was when it was grouped last is not again.

What becomes of a piece depends on its files, on the settings and the code, and on what the vault
knows of its patients: of these a conclusion is kept with a hash, or beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError

from deidflow.dicom.demographics import Demographics, Known
from deidflow.dicom.grouping import Cohort, Subject
from deidflow.dicom.inventory import Entry
from deidflow.identity.neighbours import Neighbour, neighbour_of
from deidflow.identity.orders import person_of, split_studies
from deidflow.identity.original import sealed_demographics
from deidflow.identity.persons import Person
from deidflow.inventory.listing import Listing, StoredRow
from deidflow.inventory.pieces import PieceStore
from deidflow.verdicts import Reason, Verdict

_DIGEST_BYTES = 16


class Piece(BaseModel):
    """What was concluded of a piece of a source."""

    verdicts: list[tuple[int, Verdict, Reason, str]]
    """Place of a file in the piece, verdict, reason, and the key of its subject."""
    persons: list[Person]
    neighbours: list[Neighbour]
    study_uids: frozenset[str]
    mixed_folders: tuple[str, ...]
    split_studies: int
    known: dict[str, Demographics | None]
    """What the vault knew of the patients for whom it was asked."""


@dataclass(frozen=True)
class PieceMemory:
    """What a run keeps of pieces for the next one."""

    store: PieceStore
    rules: str
    """Hash of settings and code."""
    hash_key: bytes
    """Of neighbours."""
    recalls: bool = True
    """Whether what was kept is asked for: not where somebody is looked for in every piece."""
    digests: dict[str, bytes] = field(default_factory=dict)
    """Subject key -> digest of its piece, where that is kept."""
    used: list[bytes] = field(default_factory=list)

    def digest(self, rows: Iterable[StoredRow]) -> bytes:
        """The hash of a piece; numbers of its files do not count."""
        content = [row[1:] for row in rows]
        text = f"{self.rules} {content!r}"
        hashed = blake2b(
            text.encode(),
            digest_size=_DIGEST_BYTES,
        )
        return hashed.digest()

    def recall(self, digest: bytes, known: Known) -> Piece | None:
        """What was concluded of the piece, if the vault still knows the same."""
        content = self.store.content(digest) if self.recalls else None
        if content is None:
            return None
        try:
            piece = Piece.model_validate_json(content)
        except ValidationError:
            return None
        if any(known(key) != answer for key, answer in piece.known.items()):
            return None
        self._use(digest, piece)
        return piece

    def note(self, digest: bytes, piece: Piece) -> None:
        """Keep what was concluded; not where names of folders are no text."""
        try:
            content = piece.model_dump_json()
        except PydanticSerializationError:
            return
        self.store.note(digest, content.encode())
        self._use(digest, piece)

    def _use(self, digest: bytes, piece: Piece) -> None:
        self.used.append(digest)
        self.digests.update((person.key, digest) for person in piece.persons)


@dataclass(frozen=True)
class Grouping:
    """A listing, and how it is grouped."""

    listing: Listing
    group: Callable[[Iterable[Entry], Known], Cohort]
    """The second argument is what the vault knows of patients."""
    known: Known
    memory: PieceMemory | None = None

    def piece(self, numbers: Sequence[int], seen: Callable[[Cohort], None]) -> Piece:
        """The piece of these files, its verdicts noted and its subjects kept; `seen` is shown the
        cohort of one that is grouped."""
        rows = self.listing.stored(numbers)
        piece = None
        digest = b""
        if self.memory is not None:
            digest = self.memory.digest(rows)
            piece = self.memory.recall(digest, self.known)

        if piece is None:
            piece = self._grouped(
                rows,
                digest,
                seen,
            )
        else:
            keys = [person.key for person in piece.persons]
            self.listing.subjects.keep_numbers(keys, numbers)
        self.listing.decide(
            (rows[place][0], (verdict, reason), owner)
            for place, verdict, reason, owner in piece.verdicts
        )
        return piece

    def subject(self, key: str) -> Subject:
        """A subject with its files."""
        subjects = self.listing.subjects
        subject = subjects.subject(key)
        if subject is not None:
            return subject
        rows = self.listing.stored(subjects.numbers(key))
        cohort = self.group(self._entries(rows), self.known)
        subjects.keep(cohort.subjects)
        return next(subject for subject in cohort.subjects if subject.key == key)

    def _entries(self, rows: Sequence[StoredRow]) -> list[Entry]:
        return [row.entry for row in self.listing.numbered(rows)]

    def _grouped(
        self, rows: Sequence[StoredRow], digest: bytes, seen: Callable[[Cohort], None]
    ) -> Piece:
        entries = self._entries(rows)
        asked = _Asked(self.known)
        cohort = self.group(entries, asked)
        self.listing.subjects.keep(cohort.subjects)
        seen(cohort)
        piece = self._piece(cohort, entries, asked)
        if self.memory is not None:
            self.memory.note(digest, self._as_next_time(piece, entries))
        return piece

    def _as_next_time(self, piece: Piece, entries: Sequence[Entry]) -> Piece:
        """The piece as it is grouped when the vault knows its patients."""
        new = {
            person.key: sealed_demographics(person.original)
            for person in piece.persons
            if piece.known.get(person.key, person) is None
        }
        if not new:
            return piece
        asked = _Asked(lambda key: new.get(key) or self.known(key))
        cohort = self.group(entries, asked)
        return self._piece(cohort, entries, asked)

    def _piece(self, cohort: Cohort, entries: Sequence[Entry], asked: _Asked) -> Piece:
        return Piece(
            verdicts=_verdicts(cohort, entries),
            persons=list(map(person_of, cohort.subjects)),
            neighbours=self._neighbours(cohort),
            study_uids=cohort.study_uids,
            mixed_folders=cohort.mixed_folders,
            split_studies=sum(map(split_studies, cohort.subjects)),
            known=asked.answers,
        )

    def _neighbours(self, cohort: Cohort) -> list[Neighbour]:
        """Nobody's where nothing is checked."""
        if self.memory is None:
            return []
        key = self.memory.hash_key
        return [neighbour_of(subject, key) for subject in cohort.subjects]


class _Asked:
    """Asks the vault, and notes the answers."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self.answers: dict[str, Demographics | None] = {}

    def __call__(self, key: str) -> Demographics | None:
        answer = self.answers[key] = self._known(key)
        return answer


def _verdicts(cohort: Cohort, entries: Sequence[Entry]) -> list[tuple[int, Verdict, Reason, str]]:
    """Of the files that go no further."""
    verdicts: Mapping[str, tuple[Verdict, Reason]] = cohort.verdicts
    return [
        (place, *verdicts[entry.path], cohort.owners[entry.path])
        for place, entry in enumerate(entries)
        if entry.path in verdicts
    ]
