"""Synthetic studies and short ways through the library; the head is pydeface's average template."""

from __future__ import annotations

import atexit
import fcntl
import io
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

import deidflow.store.preload  # noqa: F401  the settings of pydicom that children have
from deidflow.bulk.result import NotReleased
from deidflow.dicom.inventory import Entry, Found, read_file, walk
from deidflow.errors import StepFailed
from deidflow.face.template import prepare_template, template_path
from deidflow.header.cleaner import HeaderCleaner
from deidflow.header.clock import StudyClock
from deidflow.header.context import HeaderContext
from deidflow.header.load_profile import load_profile
from deidflow.header.markers import markers
from deidflow.header.rules import compile_profile
from deidflow.header.text import Scrubber
from deidflow.header.uids import UidMap
from deidflow.identity.secret import Keys
from deidflow.identity.vault import Vault
from deidflow.run.outcome import SessionOutcome, read_outcome
from deidflow.settings.run import RunSettings
from deidflow.store.record import Record, StepStore
from deidflow.verdicts import Reason
from flows.hosting.server import server, wait_until_ready

MR = "1.2.840.10008.5.1.4.1.1.4"
REAL_DATA = Path(
    os.environ.get("DEIDFLOW_TEST_DATA", Path(__file__).parents[2] / "shared" / "data")
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests on real series run where these are; slow ones where somebody asks for all."""
    if not os.environ.get("DEIDFLOW_TEST_ALL"):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(
                    pytest.mark.skip(reason="takes long; DEIDFLOW_TEST_ALL=1 runs it too")
                )
    if not REAL_DATA.is_dir():
        for item in items:
            if item.get_closest_marker("realdata"):
                item.add_marker(pytest.mark.skip(reason="no real series beside the checkout"))


class UnexpectedErrors:
    """Notes each use of the reason of last resort in this process; it comes from children as a
    StepFailed."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._watch(StepFailed)
        self._watch(NotReleased)
        write = StepStore._write

        def noting_write(store: StepStore, step: str, record: Record) -> None:
            self.note(record.model_dump_json())
            write(store, step, record)

        StepStore._write = noting_write  # type: ignore[method-assign]

    def _watch(self, kind: Any) -> None:
        construct = kind.__init__

        def noting(instance: Any, *arguments: Any, **named: Any) -> None:
            self.note(" ".join(map(str, [*arguments, *named.values()])))
            construct(instance, *arguments, **named)

        kind.__init__ = noting

    def note(self, text: str) -> None:
        """Remember a text that names the reason of last resort."""
        if Reason.UNEXPECTED.value in text:
            self.seen.append(text[:200])

    def note_words(self, text: str) -> None:
        """The same for what a command printed."""
        if Reason.UNEXPECTED.words in text or "please report it" in text:
            self.seen.append(text[-200:])


UNEXPECTED_ERRORS = UnexpectedErrors()


@pytest.fixture(autouse=True)
def no_unexpected_error(request: pytest.FixtureRequest) -> Iterator[None]:
    """A scenario that ends in "an unexpected error" fails, but for the tests of that reason itself."""
    yield
    seen = UNEXPECTED_ERRORS.seen.copy()
    UNEXPECTED_ERRORS.seen.clear()
    if not request.node.get_closest_marker("last_resort"):
        assert not seen, (
            "an unexpected error; give it a reason of its own in deidflow/store/faults.py"
        )


def mr_instance(**changes: Any) -> Dataset:
    """A small classic MR image with identifiers; changes by keyword, None removes."""
    header = Dataset()
    header.SOPClassUID, header.SOPInstanceUID = MR, "1.2.3.4.5.1.1.1"
    header.StudyInstanceUID, header.SeriesInstanceUID, header.FrameOfReferenceUID = (
        "1.2.3.4.5",
        "1.2.3.4.5.1",
        "1.2.3.4.9",
    )
    header.PatientName, header.PatientID, header.PatientBirthDate = (
        "Zimmerquast^Adelheid",
        "PID-77120",
        "19600412",
    )
    header.PatientSex, header.PatientWeight, header.PatientSize, header.PatientAge = (
        "F",
        "72.5",
        "1.78",
        "062Y",
    )
    header.StudyDate = header.SeriesDate = header.AcquisitionDate = header.ContentDate = "20220510"
    header.StudyTime, header.SeriesTime, header.AcquisitionTime, header.ContentTime = (
        "235000",
        "235500",
        "235900.5",
        "235930",
    )
    header.Modality, header.Manufacturer, header.SeriesNumber, header.InstanceNumber = (
        "MR",
        "ACME",
        3,
        1,
    )
    header.StudyDescription, header.SeriesDescription = "Brain Zimmerquast", "T1 MPRAGE SAG KIM"
    header.ImageType, header.BodyPartExamined = ["ORIGINAL", "PRIMARY", "M", "SECRETWORD"], "HEAD"
    header.ImagePositionPatient, header.ImageOrientationPatient = (
        ["0", "0", "0"],
        ["1", "0", "0", "0", "1", "0"],
    )
    header.PixelSpacing, header.SliceThickness = ["1", "1"], "1"
    header.RepetitionTime, header.EchoTime, header.ScanningSequence, header.SequenceVariant = (
        "2000",
        "3",
        "GR",
        "NONE",
    )
    header.Rows = header.Columns = 8
    header.SamplesPerPixel, header.PhotometricInterpretation, header.PixelRepresentation = (
        1,
        "MONOCHROME2",
        0,
    )
    header.BitsAllocated, header.BitsStored, header.HighBit = 16, 12, 11
    header.PixelData = np.arange(64, dtype="<u2").tobytes()
    header["PixelData"].VR = "OW"
    for keyword, value in changes.items():
        if value is None:
            del header[keyword]
        else:
            setattr(header, keyword, value)
    return header


def save(header: Dataset, path: Path) -> Path:
    """Write a data set as a DICOM file."""
    header.file_meta = FileMetaDataset()
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    path.parent.mkdir(parents=True, exist_ok=True)
    header.save_as(path, enforce_file_format=True)
    return path


def save_series(folder: Path, count: int = 3, **changes: Any) -> None:
    """A series of slices along z, one file each."""
    series = changes.get("SeriesInstanceUID", "1.2.3.4.5.1")
    for number in range(1, count + 1):
        own = {"SOPInstanceUID": f"{series}.{number}", "InstanceNumber": number}
        place = {"ImagePositionPatient": ["0", "0", str(number)]}
        save(mr_instance(**{**own, **place, **changes}), folder / f"{series[-6:]}-{number}.dcm")


def inventory(source: Path) -> list[Entry]:
    """Read every file below a folder, in this process."""
    return [read_file(source, one.path) if isinstance(one, Found) else one for one in walk(source)]


def cleaner(level: str, explicit_out: bool = True, **changes: Any) -> HeaderCleaner:
    """The header cleaner of a profile for the patient of `mr_instance`."""
    profile = load_profile(level)
    context = {
        "pseudonym": "P001",
        "uids": UidMap(b"k" * 32),
        "shift_days": -100,
        "clock": StudyClock.parse("2022-05-10T23:50:00"),
        "scrubber": Scrubber.of((("name", "Zimmerquast^Adelheid"), ("number", "PID-77120"))),
        "binned": profile.binned,
        "hash_key": b"h" * 32,
        "label": "M00",
    }
    marks = {way: markers(profile, "M00", 3, explicit=way) for way in (True, False)}
    return HeaderCleaner(
        compile_profile(profile), HeaderContext(**{**context, **changes}), marks, explicit_out
    )  # type: ignore[arg-type]


class Anonymizer:
    """Cleans data sets: as a file, bytes in and bytes out."""

    def __init__(self, inner: HeaderCleaner) -> None:
        self.inner = inner

    def clean(self, header: Dataset) -> Dataset:
        """The released header, without pixels."""
        return pydicom.dcmread(io.BytesIO(b"".join(self.inner.header(as_file(header)))))

    def for_series(self, *, bin_trigger_time: bool) -> Anonymizer:
        """The same for a series."""
        return Anonymizer(self.inner.for_series(bin_trigger_time=bin_trigger_time))


def as_file(header: Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    """A data set as the bytes of a DICOM file."""
    header.file_meta = FileMetaDataset()
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    header.file_meta.TransferSyntaxUID = syntax
    stream = io.BytesIO()
    pydicom.dcmwrite(
        stream,
        header,
        implicit_vr=syntax == "1.2.840.10008.1.2",
        little_endian=True,
        enforce_file_format=True,
    )
    return stream.getvalue()


def anonymizer(level: str, **changes: Any) -> Anonymizer:
    """The anonymizer of a profile for the patient of `mr_instance`."""
    return Anonymizer(cleaner(level, **changes))


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    """An open vault with a fixed secret."""
    (tmp_path / "vault").mkdir(mode=0o700)
    opened = Vault(tmp_path / "vault", Keys(b"s" * 32, "default", "high"))
    yield opened
    opened.close()


Command = Callable[..., "subprocess.CompletedProcess[str]"]


@lru_cache(maxsize=1)
def prefect_home() -> str:
    """A home of Prefect whose database is set up once for all runs of a test process."""
    folder = tempfile.mkdtemp(prefix="deidflow-test-prefect-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@pytest.fixture(scope="session")
def template_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template that the face step needs, built once for all processes of a test run."""
    own = tmp_path_factory.getbasetemp()
    path = template_path(own.parent if "PYTEST_XDIST_WORKER" in os.environ else own, ears=False)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        prepare_template(str(path), False)
    return path


def give_template(vault: Path, template: Path) -> None:
    """Lay the prepared template where a run looks for it, so that the run need not build it."""
    places = vault / "work" / "templates"
    places.mkdir(parents=True, mode=0o700)
    shutil.copy(template, places)


def clean_environment() -> dict[str, str]:
    """The environment without settings of ours or of Prefect, but for its home and the server that
    tests share."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DEIDFLOW_", "PREFECT_"))
    }
    shared = {"PREFECT_API_URL": os.environ[SHARED_API]} if SHARED_API in os.environ else {}
    return clean | {"PREFECT_HOME": prefect_home()} | shared


SHARED_API = "DEIDFLOW_TEST_API"


@pytest.fixture(scope="session")
def server_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API of one Prefect server for all the runs of a test process: each that starts its own
    takes seconds."""
    before = dict(os.environ)
    with server(tmp_path_factory.mktemp("prefect")) as process:
        wait_until_ready(process)
        address = os.environ["PREFECT_API_URL"]
        for name in set(os.environ) - set(before):
            del os.environ[name]
        yield address
        os.environ["PREFECT_API_URL"] = address


@pytest.fixture(scope="module")
def shared_server(server_address: str) -> Iterator[None]:
    """The runs of a module's tests use the tests' server instead of one of their own."""
    os.environ[SHARED_API] = server_address
    yield
    del os.environ[SHARED_API]


def command_line(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `deidflow` as a user does; an empty PREFECT_HOME leaves Prefect's files in the vault, as
    by default."""
    clean = {name: value for name, value in (clean_environment() | environment).items() if value}
    result = subprocess.run(
        [Path(sys.executable).with_name("deidflow"), *map(str, arguments)],
        capture_output=True,
        text=True,
        env=clean,
        check=False,
        timeout=280,
    )
    UNEXPECTED_ERRORS.note_words(result.stdout + result.stderr)
    return result


@contextmanager
def mounted(place: Path, *options: str) -> Iterator[Path]:
    """Something mounted on a folder as `mount` options say; the test is skipped where nobody may
    mount."""
    place.mkdir(parents=True, exist_ok=True)
    result = subprocess.run(["mount", *options, place], capture_output=True, check=False)
    if result.returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def tree_digest(root: Path) -> dict[str, bytes]:
    """Every file below a folder with its content."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def write_secret(vault: Path) -> Path:
    """A vault with a fixed secret and nothing else."""
    vault.mkdir(mode=0o700, parents=True)
    (vault / "secret.key").write_text("0123456789abcdef0123456789abcdef\n")
    (vault / "secret.key").chmod(0o600)
    return vault


class DemoRun:
    """One run of the demo, shared by the tests that look at what came out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source, self.release, self.vault = (
            folder / name for name in ("source", "release", "vault")
        )
        self.result = command_line("demo", folder, PREFECT_HOME="")

    def settings(self) -> RunSettings:
        """The settings of the demo's run."""
        return RunSettings(source=self.source, release=self.release, vault=self.vault)

    def outcome(self, pseudonym: str) -> Mapping[str, SessionOutcome]:
        """How a subject's run ended."""
        return read_outcome(self.vault / "work" / "default-high" / pseudonym / "outcome.json")


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    """The demo, run once through the command line."""
    return DemoRun(tmp_path_factory.mktemp("demo") / "demo")
