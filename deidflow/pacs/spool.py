"""The spool: studies gather in it, instance by instance, and are handed on to the source.

    SPOOL/parts/                       files that are being written
    SPOOL/studies/STUDY/INSTANCE.dcm   a study that may grow
    SOURCE/STUDY/001/INSTANCE.dcm      what was handed on, 002 what came late

Names are keyed hashes. What is in a folder is the whole state, so that a killed process loses
nothing. Several processes may write; a folder is handed on by one rename.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from deidflow.errors import ConfigError
from deidflow.identity.secret import Keys, load_secret
from deidflow.pacs.instance import ReceivedInstance, data_set_of
from deidflow.settings.run import RunSettings
from deidflow.store.files import sync_folder, write_new_durable
from deidflow.store.scratch import PRIVATE_FOLDER_MODE, private_folder, public_folder

_SUFFIX = ".dcm"
_ATTEMPTS = 5
_MOST_BATCHES = 10_000
_LONG_AGO = 3600.0
_SCOPE = ("pacs", "spool")
"""Stands for project and level: a study has one name whatever is made of it."""


class Kept(StrEnum):
    """What became of an instance."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    """The same data set is there already."""
    CONFLICT = "conflict"
    """Another data set of this instance is there, and stays."""


@dataclass(frozen=True)
class WaitingStudy:
    """A study in the spool: its folder, and when its last instance came, as a Unix time."""

    name: str
    last: float


def spool_keys(vault: Path) -> Keys:
    """The keys for names in the spool, from the vault's secret."""
    private_folder(vault, "vault")
    return Keys(load_secret(vault, create=True), *_SCOPE)


@dataclass(frozen=True)
class Spool:
    """The folders of a site, and the keys for names."""

    folder: Path
    inbox: Path
    keys: Keys

    @classmethod
    def of(cls, settings: RunSettings) -> Spool:
        """The spool that settings name, made where it is missing.

        Raises ConfigError where it is inside another folder, or on another file system than the
        source; EnvironmentFault where it cannot be written.
        """
        if settings.input.paths:
            raise ConfigError(
                "'source' names files or a list; studies that come need a folder as 'source'"
            )
        source = settings.source
        folder = settings.pacs.spool or source.with_name(f".{source.name}-spool.deidflow")
        _check_apart(folder, settings)
        if source.is_dir():
            public_folder(source, "source")
        else:
            private_folder(source, "source")
        private_folder(folder, "spool")
        for part in ("parts", "studies"):
            private_folder(folder / part, "spool")
        if folder.stat().st_dev != source.stat().st_dev:
            raise ConfigError(
                "'pacs.spool' is on another file system than the source; choose a folder beside "
                "the source, so that a study appears in it at once"
            )
        return cls(folder, source, spool_keys(settings.vault))

    @property
    def lock(self) -> Path:
        """Held by the process that receives."""
        return self.folder / "receiver.lock"

    @property
    def _studies(self) -> Path:
        return self.folder / "studies"

    def study_name(self, study_uid: str) -> str:
        """What the folder of a study is called."""
        return self.keys.lookup("study", study_uid).hex()

    def keep(self, instance: ReceivedInstance) -> Kept:
        """Store an instance unless it is there; it is on the disk when this returns.

        Raises OSError where it cannot be stored.
        """
        study = self.study_name(instance.study_uid)
        lookup = self.keys.lookup("instance", instance.sop_uid)
        name = lookup.hex() + _SUFFIX
        known = self._compared_with_earlier(study, name, instance)
        if known is not None:
            return known

        random = secrets.token_hex(16)
        part = self.folder / "parts" / random
        try:
            write_new_durable(part, instance.content)
            self._place(part, study, name)
        except FileExistsError:
            known = self._compared_with_earlier(study, name, instance)
            if known is None:
                raise
            return known
        finally:
            part.unlink(missing_ok=True)
        return Kept.STORED

    def _compared_with_earlier(
        self, study: str, name: str, instance: ReceivedInstance
    ) -> Kept | None:
        """What an instance is beside one of its name; None where there is none.

        The folder may be handed on between finding and reading: then it is found again.
        """
        for _ in range(_ATTEMPTS):
            for earlier in self._copies(study, name):
                with suppress(FileNotFoundError):
                    return _compared(earlier, instance)
        return None

    def _copies(self, study: str, name: str) -> Iterator[Path]:
        """Where an instance may be already."""
        folders = [self._studies / study, *self._batches(study)]
        for folder in folders:
            path = folder / name
            if path.exists():
                yield path

    def _batches(self, study: str) -> list[Path]:
        """Folders of a study that were handed on."""
        folder = self.inbox / study
        return sorted(folder.iterdir()) if folder.is_dir() else []

    def _place(self, part: Path, study: str, name: str) -> None:
        """Give a written file its name; raises FileExistsError where that is taken."""
        descriptor = self._opened(study)
        try:
            # By descriptor: the folder may be handed on at this moment, and the file goes with it.
            os.link(part, name, dst_dir_fd=descriptor)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _opened(self, study: str) -> int:
        """The descriptor of a study's folder in the spool, made where it is missing."""
        folder = self._studies / study
        while True:
            try:
                return os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            except FileNotFoundError:
                # Not exist_ok, which looks again: by then the folder may be handed on.
                with suppress(FileExistsError):
                    folder.mkdir(mode=PRIVATE_FOLDER_MODE)
                sync_folder(self._studies)

    def waiting(self) -> list[WaitingStudy]:
        """The studies that were not handed on yet."""
        studies: list[WaitingStudy] = []
        for folder in sorted(self._studies.iterdir()):
            changed = folder.stat().st_mtime
            studies.append(WaitingStudy(folder.name, changed))
        return studies

    def first_came(self, study: WaitingStudy) -> float:
        """When the first instance of a waiting study came, as a Unix time."""
        folder = self._studies / study.name
        first = study.last
        for path in folder.iterdir():
            came = path.stat().st_mtime
            first = min(first, came)
        return first

    def has_handed_on(self) -> bool:
        """Whether the source holds anything."""
        return any(self.inbox.iterdir())

    def instances(self, study_uid: str) -> int:
        """How many instances of a study are here, handed on or not."""
        study = self.study_name(study_uid)
        folders = [self._studies / study, *self._batches(study)]
        count = 0
        for folder in folders:
            files = folder.glob(f"*{_SUFFIX}")
            count += len(list(files))
        return count

    def hand_on(self, study: str) -> bool:
        """Move a study's folder into the source; whether there was one."""
        target = self.inbox / study
        target.mkdir(mode=PRIVATE_FOLDER_MODE, exist_ok=True)
        for number in range(len(self._batches(study)) + 1, _MOST_BATCHES):
            try:
                os.rename(self._studies / study, target / f"{number:03d}")
            except FileNotFoundError:
                return False
            except OSError:
                if not (target / f"{number:03d}").exists():
                    raise
                continue
            sync_folder(target)
            sync_folder(self.inbox)
            return True
        return False

    def sweep(self) -> None:
        """Remove what a process was writing that was killed long ago."""
        limit = time.time() - _LONG_AGO
        for path in (self.folder / "parts").iterdir():
            if path.stat().st_mtime < limit:
                path.unlink(missing_ok=True)


def _check_apart(folder: Path, settings: RunSettings) -> None:
    for name in ("source", "release", "vault"):
        other: Path = getattr(settings, name)
        if folder.is_relative_to(other) or other.is_relative_to(folder):
            raise ConfigError(
                f"'pacs.spool' and '{name}' lie inside each other; choose a folder of its own"
            )


def _compared(path: Path, instance: ReceivedInstance) -> Kept:
    kept = data_set_of(path.read_bytes())
    came = data_set_of(instance.content)
    return Kept.DUPLICATE if kept == came else Kept.CONFLICT
