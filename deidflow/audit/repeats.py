"""Records that many files refer to: each is written once, and named by its content."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from deidflow.audit.rows import Difference, ElementRows, Repeated
from deidflow.audit.sealing import SubjectKeys
from deidflow.audit.segment import AuditRecord

_NAME_DIGITS = 12


@dataclass
class RepeatedRecords:
    """The reasons, rows and headers of one subject that were written, and the new records."""

    keys: SubjectKeys
    new: list[AuditRecord] = field(default_factory=list)
    """Records that were made since somebody took them."""
    _named: set[str] = field(default_factory=set)
    _written: set[str] = field(default_factory=set)
    """Names of rows that some record holds."""
    _row_names: dict[str, str] = field(default_factory=dict)
    _reasons: dict[str, str] = field(default_factory=dict)

    def taken(self) -> tuple[AuditRecord, ...]:
        """The records that were made since the last call."""
        records = tuple(self.new)
        self.new.clear()
        return records

    def add_file(self, fields: str) -> None:
        """Add the record of a file, which nothing refers to."""
        content = fields.encode("ascii")
        record = AuditRecord("", content)
        self.new.append(record)

    def reason(self, words: str) -> str:
        """The name of a reason, which is written in words once."""
        name = self._reasons.get(words)
        if name is not None:
            return name

        hashed = self.keys.hashed(words.encode())
        name = hashed[:_NAME_DIGITS]
        self._reasons[words] = name

        shown = json.dumps(words)
        fields = f'"reason":"{name}","words":{shown}'
        self._add(f"reason:{name}", fields)
        return name

    def repeated(self, kind: str, elements: Iterable[ElementRows], rest: str) -> Repeated:
        """A record that names its rows, and holds those that no record held before."""
        names: list[str] = []
        new: list[str] = []
        originals: list[bytes] = []
        differences: list[Difference] = []
        for rows in elements:
            name = self._row_name(rows)
            names.append(name)
            differences += rows.differences
            if name in self._written:
                continue

            self._written.add(name)
            row = f'["{name}",{rows.cells}]'
            new.append(row)
            originals += rows.originals

        listed = json.dumps(names)
        fields = f'"rows":{listed},{rest}'
        name = self._name(fields)

        sealed = self.keys.seal(originals, name)
        added = ",".join(new)
        fields += f',"new":[{added}],"sealed":"{sealed}"'
        self._add(
            f"{kind}:{name}",
            f'"{kind}":"{name}",{fields}',
        )
        return Repeated(name, tuple(differences))

    def _row_name(self, rows: ElementRows) -> str:
        name = self._row_names.get(rows.cells)
        if name is None:
            name = self._name(rows.cells)
            self._row_names[rows.cells] = name
        return name

    def _name(self, text: str) -> str:
        """The name of a record, by its content."""
        content = text.encode("ascii")
        hashed = self.keys.hashed(content)
        return hashed[:_NAME_DIGITS]

    def _add(self, name: str, fields: str) -> None:
        if name in self._named:
            return
        self._named.add(name)
        content = fields.encode("ascii")
        record = AuditRecord(name, content)
        self.new.append(record)
