"""Studies of a list come from an archive, whole and once, whatever dies in between."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.uid import RLELossless

from deidflow.errors import ConfigError, UsageError
from deidflow.pacs.fetch import FetchOptions, FetchResult, fetch_list
from deidflow.pacs.query import matching_studies
from deidflow.pacs.wanted import WantedStudy, read_wanted
from deidflow.pacs.window import WindowUse, is_open, seconds_to_open
from deidflow.settings.pacs import FetchSettings, PeerSettings
from tests.commands import command_here
from tests.pacs.archive import WEB, Orthanc, digests, needs_orthanc, study
from tests.pacs.conftest import Site, later_today


def written(site: Site, text: str) -> Path:
    path = site.root / "studies.csv"
    path.write_text(text)
    return path


def fetched(
    site: Site, text: str, peer: dict[str, Any], by: str = "get", **more: Any
) -> FetchResult:
    fetch = {"peer": peer, "by": by, "list": str(written(site, text))}
    return fetch_list(site.settings(fetch=fetch), FetchOptions(**more))


def by_dimse(orthanc: Orthanc) -> dict[str, Any]:
    return orthanc.peer.model_dump(include={"ae_title", "host", "port"})


@pytest.fixture
def filled(orthanc: Orthanc) -> Orthanc:
    for number in (1, 2, 3):
        for content in study(number):
            orthanc.add(content)
    return orthanc


@needs_orthanc
@pytest.mark.parametrize("by", ["get", "move", "web"])
def test_a_list_is_fetched_once(site: Site, filled: Orthanc, by: str) -> None:
    if by == "web" and not WEB.exists():
        pytest.skip("Orthanc has no DICOMweb plugin")
    peer = {"url": filled.url} if by == "web" else by_dimse(filled)
    way = "get" if by == "web" else by
    text = "Accession Number;MRN\nACC1;\n;PID-2\nACC3;PID-99\n"
    result = fetched(site, text, peer, way)
    assert (result.fetched, result.absent, result.exit_code) == (2, 1, 4)
    assert digests(site.handed_on()) == digests(study(1) + study(2))

    assert fetched(site, text, peer, way).before == 2
    filled.add(study(1, 4)[3])
    grown = fetched(site, text, peer, way)
    assert (grown.fetched, grown.before) == (1, 1)
    assert digests(site.handed_on()) == digests(study(1, 4) + study(2))


def compressed(content: bytes) -> bytes:
    header = pydicom.dcmread(io.BytesIO(content))
    header.compress(RLELossless, generate_instance_uid=False)
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, header)
    return stream.getvalue()


@needs_orthanc
def test_compressed_objects_come_as_they_are(site: Site, orthanc: Orthanc) -> None:
    files = [*map(compressed, study(1)), *study(2)]
    for content in files:
        orthanc.add(content)
    assert fetched(site, "study\n1.2.3.1\n1.2.3.2\n", by_dimse(orthanc)).fetched == 2
    assert digests(site.handed_on()) == digests(files)


@needs_orthanc
def test_nothing_of_a_patient_is_printed_or_named(site: Site, filled: Orthanc) -> None:
    fetch = {"peer": by_dimse(filled), "list": str(written(site, "accession\nACC1\nACC77\n"))}
    site.write(fetch=fetch)
    result = command_here("fetch", "--config", site.config)
    assert result.returncode == 4
    assert "row 1: 3 instances" in result.stdout
    assert "row 2: the archive has no such study" in result.stdout
    said = result.stdout + result.stderr
    names = " ".join(str(path) for path in site.source.rglob("*"))
    for identifier in ("ACC1", "ACC77", "PID-1", "1.2.3.1"):
        assert identifier not in said + names


@needs_orthanc
def test_a_study_that_another_copy_spoils_is_said(site: Site, filled: Orthanc) -> None:
    fetched(site, "study\n1.2.3.1\n", by_dimse(filled))
    for content in study(1, PatientSex="M"):
        filled.add(content)
    again = fetched(site, "study\n1.2.3.1\n", by_dimse(filled), again=True)
    assert (again.refused, again.exit_code) == (3, 5)
    assert digests(site.handed_on()) == digests(study(1))


@contextmanager
def fetching(site: Site) -> Iterator[subprocess.Popen[str]]:
    command = [Path(sys.executable).with_name("deidflow"), "fetch", "--config", site.config]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process


@needs_orthanc
@pytest.mark.slow
@pytest.mark.parametrize("by", ["get", "move"])
def test_the_same_set_after_kills(site: Site, orthanc: Orthanc, by: str) -> None:
    files = study(1, 120)
    for content in files:
        orthanc.add(content)
    fetch = {"peer": by_dimse(orthanc), "by": by, "list": str(written(site, "study\n1.2.3.1\n"))}
    site.write(fetch=fetch, retry={"attempts": 8, "first_seconds": 0.2})
    with fetching(site) as process:
        _until(lambda: len(_kept(site)) >= 20)
        process.send_signal(signal.SIGKILL)
    with fetching(site) as process:
        _until(lambda: len(_kept(site)) >= 60)
        orthanc.kill()
        orthanc.start()
        assert process.wait(timeout=60) == 0
    assert digests(site.handed_on()) == digests(files)
    assert len(_kept(site)) == len(files)


def _kept(site: Site) -> list[Path]:
    return list(site.root.glob("source/**/*.dcm")) + list(site.root.glob(".source*/**/*.dcm"))


def _until(condition: Any, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_lists_as_people_write_them(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(
        "\ufeffStudyInstanceUID\tpatient_id\tremark\n1.2\t7\tx\n1.2\t7\ty\n\t8\t\n".encode()
    )
    assert [row.keys for row in read_wanted(path)] == [
        {"PatientID": "7", "StudyInstanceUID": "1.2"},
        {"PatientID": "8"},
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name\nDoe\n", "no column of keys"),
        ("patient,accession\n,\nSECRET*,\n", "wildcard.*row 1"),
        ("patient,remark\nSECRET,\n,forgotten\n", "without a key: row 2"),
        ("patient\n", "no row"),
    ],
)
def test_a_list_that_asks_for_nothing_or_everything(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "list.csv"
    path.write_text(text)
    with pytest.raises(UsageError, match=words) as refusal:
        read_wanted(path)
    assert "SECRET" not in str(refusal.value)


def test_answers_without_optional_attributes_and_of_others() -> None:
    wanted = WantedStudy(2, accession="A1")
    answers: list[dict[str, tuple[str, ...]]] = [
        {"StudyInstanceUID": ("1.1",)},
        {"StudyInstanceUID": ("1.2",), "AccessionNumber": ("A2",)},
        {"AccessionNumber": ("A1",)},
        {
            "StudyInstanceUID": ("1.3 ",),
            "AccessionNumber": (" A1",),
            "NumberOfStudyRelatedInstances": ("7",),
        },
    ]
    found = matching_studies(wanted, answers)
    assert [(study.study_uid, study.instances) for study in found] == [("1.1", None), ("1.3", 7)]


def test_a_window_over_midnight() -> None:
    hours = FetchSettings(peer=PeerSettings(url="http://a/b"), window="22:00-06:00").hours
    assert is_open(hours, datetime(2026, 1, 1, 23, 30))
    assert is_open(hours, datetime(2026, 1, 1, 5, 59))
    assert not is_open(hours, datetime(2026, 1, 1, 6, 0))
    assert seconds_to_open(hours, datetime(2026, 1, 1, 21, 0)) == 3600
    assert seconds_to_open(hours, datetime(2026, 1, 1, 22, 0)) == 0
    with pytest.raises(ValueError, match="window"):
        FetchSettings(peer=PeerSettings(url="http://a/b"), window="22-25")


def test_outside_the_window_nothing_is_asked(site: Site) -> None:
    window = later_today()
    peer = {"ae_title": "NOBODY", "host": "127.0.0.1", "port": 9}
    fetch = {"peer": peer, "window": window, "list": str(written(site, "patient\n1\n"))}
    result = fetch_list(site.settings(fetch=fetch), FetchOptions(window=WindowUse.LEAVE))
    assert (result.left, result.lost, result.exit_code) == (1, "", 0)


@pytest.mark.parametrize(
    ("pacs", "words"),
    [
        ({"fetch": {"peer": {"host": "a"}}}, "ae_title"),
        ({"fetch": {"peer": {"ae_title": "X" * 17, "host": "a"}}}, "title"),
        ({"send": {"peer": {"ae_title": "A", "host": "a", "tls": True}}}, "certificates"),
        ({"send": {"peer": {"url": "ftp://a"}}}, "url"),
        ({"fetsch": {}}, "fetch"),
    ],
)
def test_a_configuration_that_cannot_work(site: Site, pacs: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        site.settings(**pacs)


@needs_orthanc
def test_keys_of_other_lengths_and_letters(
    site: Site, filled: Orthanc, capfd: pytest.CaptureFixture[str]
) -> None:
    text = "accession,patient\nA-VERY-LONG-ACCESSION-NUMBER-1,\n,Jürgen-Ōé\nACC2,PID-2\n"
    result = fetched(site, text, by_dimse(filled))
    assert (result.absent, result.fetched) == (2, 1)
    assert "LONG-ACC" not in str(capfd.readouterr())
