"""Members of archives stand in the inventory like files, and keep their verdicts."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from deidflow.archives.opened import open_archives
from deidflow.dicom.grouping import group
from deidflow.identity.workorder import FileOrder, SeriesOrder, SessionOrder, WorkOrder
from deidflow.verdicts import Reason, Verdict
from tests.archives.test_hostile_archives import zipped
from tests.commands import command_line
from tests.headers import inventory
from tests.places import tree_digest
from tests.synthetic import as_file, mr_instance, save, save_series

ONE = as_file(mr_instance())
OTHER = as_file(mr_instance(SOPInstanceUID="1.2.3.4.5.1.2", InstanceNumber=2))


def test_members_are_grouped_with_the_files_of_the_source(tmp_path: Path) -> None:
    source = tmp_path / "source"
    save(mr_instance(), source / "a.dcm")
    (source / "b.zip").write_bytes(zipped(("x", ONE), ("y", OTHER), ("readme", b"text")))
    opened = open_archives(source, inventory(source), tmp_path / "work", inventory)
    cohort = group(opened.entries, defacing=False)

    members = [
        member.path
        for study in cohort.subjects[0].studies
        for series in study.series
        for member in series.members
    ]
    assert members == ["a.dcm", "b.zip!/00002"]
    assert cohort.verdicts == {
        "b.zip": (Verdict.SKIPPED, Reason.ARCHIVE_UNPACKED),
        "b.zip!/00001": (Verdict.DUPLICATE, Reason.COPY),
        "b.zip!/00003": (Verdict.SKIPPED, Reason.NOT_DICOM),
    }
    assert opened.places["b.zip!/00002"].read_bytes() == OTHER


def test_two_copies_of_an_archive_are_counted_twice(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("a.dcm.gz", "b.dcm.gz"):
        (source / name).write_bytes(gzip.compress(ONE, mtime=0))
    opened = open_archives(source, inventory(source), tmp_path / "work", inventory)

    paths = [entry.path for entry in opened.entries]
    assert paths == ["a.dcm.gz", "a.dcm.gz!/00001", "b.dcm.gz", "b.dcm.gz!/00001"]


def test_without_archives_nothing_is_written(tmp_path: Path) -> None:
    save(mr_instance(), tmp_path / "source" / "a.dcm")
    entries = inventory(tmp_path / "source")
    opened = open_archives(tmp_path / "source", entries, tmp_path / "work", inventory)

    assert opened.entries == tuple(entries)
    assert not (tmp_path / "work").exists()


def test_what_is_gone_from_the_source_is_deleted(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "b.zip").write_bytes(zipped(("x", ONE)))
    first = open_archives(source, inventory(source), tmp_path / "work", inventory)
    (source / "b.zip").unlink()
    open_archives(source, inventory(source), tmp_path / "work", inventory)

    assert not first.places["b.zip!/00001"].exists()


def test_a_work_order_says_where_a_member_is(tmp_path: Path) -> None:
    files = (FileOrder("a.dcm", "1"), FileOrder("b.zip!/00001", "2"))
    series = SeriesOrder("003-MR", "MR", False, False, files)
    session = SessionOrder("M00", "", (series,))
    order = WorkOrder("P001", "/source", "", 0, (), (session,))
    place = tmp_path / "00001"
    placed = order.with_places({"b.zip!/00001": place})

    paths = [file.path for file in placed.sessions[0].series[0].files]
    assert paths == ["a.dcm", str(place)]
    assert Path(order.source) / paths[1] == place
    assert placed.content_digest("M00") == order.content_digest("M00")


@pytest.mark.slow
def test_a_run_releases_the_same_from_an_archive(tmp_path: Path) -> None:
    save_series(tmp_path / "plain" / "study", 4)
    (tmp_path / "packed").mkdir()
    members = [
        (path.name, path.read_bytes()) for path in sorted((tmp_path / "plain").rglob("*.dcm"))
    ]
    (tmp_path / "packed" / "study.zip").write_bytes(zipped(*members))
    secret = tmp_path / "secret"
    secret.write_text("0123456789abcdef0123456789abcdef")
    releases = {}
    for name in ("plain", "packed"):
        release = tmp_path / f"release-{name}"
        vault = tmp_path / f"vault-{name}"
        result = command_line(
            "run",
            tmp_path / name,
            release,
            "--vault",
            vault,
            "--level",
            "low",
            DEIDFLOW_SECRET_FILE=str(secret),
        )
        assert result.returncode == 0, result.stderr
        releases[name] = tree_digest(release)

    assert releases["plain"] == releases["packed"]
    assert any(name.endswith(".dcm") for name in releases["plain"])
