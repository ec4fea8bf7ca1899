"""A release and its evidence, with one decision of a person."""

from __future__ import annotations

from dataclasses import dataclass
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


@pytest.fixture
def filed(tmp_path: Path) -> Filed:
    layout = make_release(tmp_path).layout
    desk = Desk(layout, b"key")
    desk.decide(
        CaseName("P001", "M00", "001-MR"), Wish(Action.ACCEPT, seen="a" * 64), "Dr. Lovelace"
    )
    folder = tmp_path / "evidence"
    fingerprint = write_evidence(layout, keys_of(layout), folder, Statement("the data office"))
    return Filed(layout, folder, fingerprint)
