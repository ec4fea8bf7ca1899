"""A run with something new says of everybody else what it would say if it looked again."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from deidflow.dicom.demographics import nobody
from deidflow.dicom.grouping import group
from deidflow.identity.vault import Identity
from deidflow.inventory.listing import Listing
from deidflow.release.layout import Layout
from deidflow.run.batch import RunBatch
from deidflow.run.pieces import Grouping, PieceMemory
from deidflow.settings.load import load_settings
from deidflow.settings.run import RunSettings
from tests.places import write_secret
from tests.simulated_run import WITHHELD, run_alone
from tests.synthetic import save_series

_OFF = "burned_in: {read: never}\n"


def add_subject(source: Path, number: int, **changes: object) -> None:
    names = {"PatientID": f"PID-{number}", "PatientName": f"Person{number:03d}^Xaver"}
    uids = {"StudyInstanceUID": f"1.9.{number}", "SeriesInstanceUID": f"1.9.{number}.1"}
    save_series(source / f"s{number}", 2, **names, **uids, **changes)


@pytest.fixture
def settings(tmp_path: Path) -> RunSettings:
    source = tmp_path / "source"
    for number in range(3):
        add_subject(source, number)
    add_subject(source, 3, Modality=WITHHELD)
    add_subject(source, 4, BurnedInAnnotation="YES")
    (source / "notes.txt").write_text("no image")
    write_secret(tmp_path / "vault")
    config = tmp_path / "config.yaml"
    config.write_text(_OFF)
    places = {"source": source, "release": tmp_path / "release", "vault": tmp_path / "vault"}
    return load_settings({**places, "level": "low", "workers": 1}, config, environment={})


def tables(settings: RunSettings) -> dict[str, bytes]:
    """All that a run says of its files."""
    layout = Layout.of(settings)
    top = [path for path in layout.release.iterdir() if path.is_file()]
    own = [layout.instances_table, layout.quarantine_table, layout.own_quarantine_table]
    kept = [layout.versions, layout.gone_table, layout.doubtful_table]
    orders = list(layout.work.glob("*/order.json"))
    hashes = list(layout.neighbours.iterdir())
    paths = [*top, *own, *kept, *orders, *hashes]
    return {str(path.relative_to(settings.vault.parent)): path.read_bytes() for path in paths}


def forget(settings: RunSettings) -> None:
    layout = Layout.of(settings)
    layout.table_index.unlink()
    layout.pieces.unlink()


def touch(settings: RunSettings) -> None:
    """Tables that somebody opened and saved, and a database that is none."""
    layout = Layout.of(settings)
    for path in (layout.instances_table, layout.own_quarantine_table):
        path.write_bytes(path.read_bytes())
    layout.pieces.write_bytes(b"nothing that can be read" * 100)


@pytest.mark.parametrize("lose", [forget, touch])
def test_what_is_copied_is_what_would_be_written(
    settings: RunSettings, lose: Callable[[RunSettings], None]
) -> None:
    first = run_alone(settings)
    assert first.verdicts["released"] == 6
    assert first.verdicts["quarantined"] == 4

    add_subject(settings.source, 7)
    min((settings.source / "s1").iterdir()).unlink()
    second = run_alone(settings)
    copied = tables(settings)

    lose(settings)
    third = run_alone(settings)
    assert tables(settings) == copied
    assert third.verdicts == second.verdicts
    assert third.reasons == second.reasons
    assert [row.series for row in third.sessions] == [row.series for row in second.sessions]


def test_nobody_is_grouped_again_of_whom_nothing_changed(
    settings: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[bytes] = []
    note = PieceMemory.note

    def counted(memory: PieceMemory, digest: bytes, piece: object) -> None:
        noted.append(digest)
        note(memory, digest, piece)  # type: ignore[arg-type]

    monkeypatch.setattr(PieceMemory, "note", counted)
    run_alone(settings)
    assert len(noted) == 5
    run_alone(settings)
    assert len(noted) == 5
    add_subject(settings.source, 8)
    (settings.source / "s0" / "again.dcm").write_bytes(b"no image either")
    run_alone(settings)
    assert len(noted) == 6
    save_series(settings.source / "s2", 3, PatientID="PID-2", PatientName="Person002^Xaver")
    run_alone(settings)
    assert len(noted) == 7


def test_a_subject_is_looked_at_again_when_its_files_in_the_release_change(
    settings: RunSettings,
) -> None:
    run_alone(settings)
    before = tables(settings)
    layout = Layout.of(settings)
    image = min(layout.release.rglob("*.dcm"))
    image.unlink()

    run_alone(settings)
    assert image.exists()
    assert tables(settings) == before


def test_nothing_that_a_run_found_goes_to_other_processes(tmp_path: Path) -> None:
    with closing(Listing(tmp_path / "listing.sqlite")) as listing:
        grouping = Grouping(listing, lambda entries, known: group(entries, defacing=False), nobody)
        batch = RunBatch(grouping, {}, {"id||PID": Identity("P001", 3, {})}, (), frozenset())
        sent = pickle.dumps(batch)
    assert b"PID" not in sent
