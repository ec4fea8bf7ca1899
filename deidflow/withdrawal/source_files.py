"""Which source files a vault has read of somebody, and what was unpacked of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deidflow.archives.unpack import forget_members
from deidflow.dicom.demographics import Demographics
from deidflow.identity.vault import Vault
from deidflow.identity.withdrawn import WithdrawnPatients
from deidflow.inventory.database import LISTING_NAME, MEMBERS_NAME
from deidflow.inventory.known import forget_known, known_patients
from deidflow.release.layout import Layout
from deidflow.store.files import read_json, safe_cell


@dataclass(frozen=True)
class SourceFiles:
    """Files of one person: what headers say of the person, and where the files are."""

    demographics: frozenset[Demographics]
    paths: tuple[Path, ...]
    """With files that are no images, in folders of this person alone."""

    def below(self, sources: Iterable[Path]) -> set[str]:
        """The paths as tables of runs on these sources have them."""
        # Tables of `anonymize` have whole paths.
        names = {str(path) for path in self.paths}
        for source in sources:
            for path in self.paths:
                if path.is_relative_to(source):
                    name = str(path.relative_to(source))
                    names |= {name, safe_cell(name)}
        return names


def source_files(vault: Vault, patient: WithdrawnPatients) -> SourceFiles:
    """The files that a vault knows to be of somebody."""
    demographics: set[Demographics] = set()
    theirs: list[Path] = []
    folders_of_others: set[Path] = set()
    without_patient: list[Path] = []
    for path, told in known_patients(vault.folder):
        if told is None:
            without_patient.append(path)
        elif patient.include(*told):
            demographics.add(told[0])
            theirs.append(path)
        else:
            folders_of_others.update(path.parents)

    own: set[Path] = set()
    for path in theirs:
        own.update(path.parents)
    own -= folders_of_others
    beside = [path for path in without_patient if path.parent in own]
    return SourceFiles(
        frozenset(demographics),
        (*theirs, *beside),
    )


def sources_of(layouts: Sequence[Layout], pseudonyms: Iterable[str]) -> Iterator[Path]:
    """The sources that work orders of these subjects name."""
    names = list(pseudonyms)
    for layout in layouts:
        for pseudonym in names:
            order = read_json(layout.order(pseudonym))
            if not isinstance(order, dict):
                continue
            source = order.get("source")
            if isinstance(source, str):
                yield Path(source)


def forget_source_files(vault: Vault, layouts: Iterable[Layout], files: SourceFiles) -> None:
    """Forget what was read of the files, and delete those that were unpacked from archives."""
    forget_known(vault.folder, files.paths)
    for layout in layouts:
        # What a killed run has left, and what the last run kept for the next.
        for name in (LISTING_NAME, MEMBERS_NAME):
            (layout.work / name).unlink(missing_ok=True)
        layout.pieces.unlink(missing_ok=True)
        layout.table_index.unlink(missing_ok=True)
        unpacked = []
        for path in files.paths:
            if path.is_relative_to(layout.archives):
                unpacked.append(path)
        forget_members(unpacked)
