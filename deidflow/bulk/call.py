"""One call of `anonymize`: its settings, sources, rules and vault, and what follows from them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from deidflow.bulk.locate import Located
from deidflow.dicom.manifest import Manifest
from deidflow.header.profile import Profile
from deidflow.identity.vault import Vault
from deidflow.settings.anonymize import AnonymizeSettings
from deidflow.settings.manifest import entries_below
from deidflow.store.files import digest_of
from deidflow.store.process import memory_for


@dataclass(frozen=True)
class Call:
    """What every phase of a call needs to know."""

    settings: AnonymizeSettings
    located: Located
    profile: Profile
    vault: Vault

    @property
    def workers(self) -> int:
        """Working processes at once: as many as asked for, otherwise one per core."""
        cores = os.sched_getaffinity(0)
        return self.settings.workers or len(cores)

    @property
    def memory_limit(self) -> int:
        """Bytes of memory for each working process."""
        return memory_for(self.workers)

    @property
    def remembers(self) -> bool:
        """Whether a later call can resume this one: it has a vault and writes."""
        return self.settings.vault is not None and not self.settings.dry_run

    @property
    def is_audited(self) -> bool:
        """Whether headers are compared before and after, attribute by attribute."""
        return self.settings.dry_run or self.settings.audit is not None

    @property
    def work_folder(self) -> Path:
        """Folder in the vault for this command."""
        return self.vault.folder / "work" / "anonymize"

    @property
    def others_folder(self) -> Path:
        """The identifiers of all patients of this call, for the search in headers of others."""
        return self.work_folder / "others"

    @property
    def archives_folder(self) -> Path:
        """What is unpacked of archives, until the call ends."""
        scope = f"{self.settings.project}-{self.settings.level}"
        return self.work_folder / f"archives-{scope}"

    @property
    def output_id(self) -> str:
        """Tells this output folder from others without naming it."""
        return digest_of(str(self.settings.out))[:16]

    @cached_property
    def manifest(self) -> Manifest:
        """What a manifest says of each file."""
        return Manifest.of(entries_below(self.settings.entries, self.located.root))

    @cached_property
    def record_folder(self) -> Path:
        """Folder in the vault that remembers the units that are finished in this output folder."""
        folder = self.work_folder / self.output_id
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of every file of the call by its path, counted from 1."""
        numbers: dict[str, int] = {}
        for number, path in enumerate(self.located.everything, 1):
            numbers[path] = number
        return numbers
