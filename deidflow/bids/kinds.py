"""What BIDS 1.11 asks of the images of each data type and suffix."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

from deidflow.bids.names import BidsName
from deidflow.resources import load_yaml


@dataclass(frozen=True)
class FileKind:
    """Images of one data type and suffix."""

    entities: tuple[str, ...]
    """Those that a name may have, beside subject and session."""
    needed: tuple[str, ...]
    """Those that it must have."""
    fields: tuple[str, ...]
    """Fields that the sidecar must have; `A|B` for one of two."""
    dimensions: int
    """3 or 4; 0 where both are right."""

    def lacking(self, fields: Collection[str]) -> list[str]:
        """Required fields that are not among those given, `A or B` for one of two."""
        lacking = []
        for field in self.fields:
            choices = field.split("|")
            if not any(choice in fields for choice in choices):
                lacking.append(" or ".join(choices))
        return lacking


def kind_of(name: BidsName) -> FileKind:
    """What is asked of images with this data type and suffix."""
    return _kinds()[name.datatype, name.suffix]


def legal_name(name: BidsName) -> BidsName:
    """The name without entities that its kind does not have."""
    legal = kind_of(name).entities
    entities = {}
    for key, label in name.entities.items():
        if key in legal:
            entities[key] = label
    return BidsName(
        name.datatype,
        name.suffix,
        entities,
    )


@lru_cache(maxsize=1)
def _kinds() -> Mapping[tuple[str, str], FileKind]:
    kinds = {}
    for row in load_yaml("standard/bids_files.yaml"):
        kind = FileKind(
            entities=tuple(row["entities"]),
            needed=tuple(row.get("needed", ())),
            fields=tuple(row.get("fields", ())),
            dimensions=row.get("dimensions", 0),
        )
        for suffix in row["suffixes"]:
            kinds[row["datatype"], suffix] = kind
    return kinds
