"""The vault of a dry run: a copy in a private temporary folder, or a new one there."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deidflow.errors import EnvironmentFault
from deidflow.identity.database import NAME
from deidflow.identity.secret import Keys, load_secret
from deidflow.identity.vault import Vault
from deidflow.settings.run import PlanSettings

_DATABASE = (NAME, f"{NAME}-wal")


@contextmanager
def vault_for_plan(settings: PlanSettings) -> Iterator[Vault]:
    """A copy of the vault, or a new one with a secret that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="deidflow-") as name:
        folder = Path(name)
        known = settings.vault is not None and (settings.vault / _DATABASE[0]).exists()
        place = settings.vault if known and settings.vault else folder
        if known:
            _copy_database(place, folder)
        secret = load_secret(place, create=not known)
        vault = Vault(
            folder,
            Keys(
                secret,
                settings.project,
                settings.level,
            ),
        )
        try:
            yield vault
        finally:
            vault.close()


def _copy_database(vault: Path, folder: Path) -> None:
    try:
        for file in (vault / name for name in _DATABASE):
            if file.exists():
                shutil.copyfile(file, folder / file.name)
    except OSError as error:
        raise EnvironmentFault(
            f"the vault cannot be read: {error.strerror}; check its permissions"
        ) from None
