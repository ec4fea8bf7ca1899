"""A release and its evidence, with one decision of a person."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from deidflow.evidence.folder import Statement, write_evidence
from deidflow.identity.secret import Keys, load_secret
from deidflow.release.decisions import Action, CaseName
from deidflow.release.layout import Layout
from deidflow.review.desk import Desk, Wish
from tests.synthetic_release import make_release


@dataclass(frozen=True)
class Filed:
    """A release and the folder with its evidence."""

    layout: Layout
    folder: Path
    fingerprint: str


def keys_of(layout: Layout) -> Keys:
    """The keys that a command makes of the vault's secret."""
    secret = load_secret(layout.vault, {}, create=False)
    return Keys(secret, layout.project, layout.level)


@pytest.fixture(scope="package")
def first(tmp_path_factory: pytest.TempPathFactory) -> Filed:
    """The release and its evidence, made once; tests get copies."""
    root = tmp_path_factory.mktemp("filed") / "site"
    root.mkdir()
    layout = make_release(root).layout
    desk = Desk(layout, b"key")
    desk.decide(
        CaseName("P001", "M00", "001-MR"), Wish(Action.ACCEPT, seen="a" * 64), "Dr. Lovelace"
    )
    folder = root / "evidence"
    fingerprint = write_evidence(layout, keys_of(layout), folder, Statement("the data office"))
    return Filed(layout, folder, fingerprint)


@pytest.fixture
def filed(first: Filed, tmp_path: Path) -> Filed:
    root = tmp_path / "site"
    shutil.copytree(first.folder.parent, root)
    layout = replace(first.layout, release=root / "release", vault=root / "vault")
    return Filed(layout, root / "evidence", first.fingerprint)
