"""The subjects of a run on disk: with their files, or how these can be found again."""

from __future__ import annotations

import json
import pickle
import sqlite3
from collections.abc import Iterable, Sequence

from deidflow.dicom.grouping import Subject

_KEEP = "INSERT OR REPLACE INTO subjects VALUES (?, ?, NULL)"
_KEEP_NUMBERS = "INSERT INTO subjects VALUES (?, NULL, ?)"
_CONTENT = "SELECT content FROM subjects WHERE key = ?"
_NUMBERS = "SELECT numbers FROM subjects WHERE key = ?"


class SubjectRows:
    """Subjects with something to release, by key, in the listing of their run."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def keep(self, subjects: Iterable[Subject]) -> None:
        """Keep subjects with their files."""
        for subject in subjects:
            content = pickle.dumps(subject)
            self._database.execute(
                _KEEP,
                (subject.key, content),
            )

    def keep_numbers(self, keys: Iterable[str], numbers: Sequence[int]) -> None:
        """Keep subjects by the numbers of the files of their piece."""
        text = json.dumps(numbers)
        rows = [(key, text) for key in keys]
        self._database.executemany(_KEEP_NUMBERS, rows)

    def subject(self, key: str) -> Subject | None:
        """A subject with its files; None where only numbers were kept."""
        cursor = self._database.execute(_CONTENT, (key,))
        [content] = cursor.fetchone()
        if content is None:
            return None
        subject: Subject = pickle.loads(content)  # noqa: S301 - written by this run
        return subject

    def numbers(self, key: str) -> list[int]:
        """The numbers of the files of the subject's piece."""
        cursor = self._database.execute(_NUMBERS, (key,))
        [text] = cursor.fetchone()
        numbers: list[int] = json.loads(text)
        return numbers
