"""The fast path gives the same bytes with and without pydicom; neighbours never change a file."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from pydicom._dicom_dict import DicomDictionary
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from deidflow.dicom.attributes import nested_identifiers, wanted_tags
from deidflow.dicom.elements import NotUnderstood
from deidflow.dicom.file_kind import has_mark
from deidflow.dicom.instance import describe
from deidflow.dicom.inventory import Reader
from deidflow.dicom.source_walk import Found, walk
from deidflow.dicom.structure import scan
from deidflow.errors import Withheld
from deidflow.header.cleaner import HeaderCleaner
from deidflow.header.normalise import normalised
from tests.headers import cleaner
from tests.places import REAL_DATA
from tests.synthetic import as_file, mr_instance

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
_KINDS = {
    "LO",
    "SH",
    "DS",
    "IS",
    "DA",
    "TM",
    "DT",
    "CS",
    "PN",
    "UI",
    "US",
    "FD",
    "LT",
    "SQ",
    "AS",
    "OB",
}
_TAGS = [
    tag
    for tag, entry in sorted(DicomDictionary.items())
    if 0x00080006 < tag < 0x00420000 and tag & 0xFFFF and entry[0] in _KINDS
]
_VALUES: dict[str, Any] = {
    "LO": some.sampled_from(["Zimmerquast", "T1 MPRAGE", "", "PID-77120 x", "a\\b"]),
    "SH": some.sampled_from(["Adelheid", "1.5T", ""]),
    "LT": some.sampled_from(["seen by Zimmerquast", "sag T2"]),
    "DS": some.sampled_from(["1.25", "", "3\\4", "1e3"]),
    "IS": some.sampled_from(["1", "", "12\\13"]),
    "DA": some.sampled_from(["20220510", "", "***", "2022"]),
    "TM": some.sampled_from(["101112.5", "", "noon"]),
    "DT": some.sampled_from(["20220510101112.5+0100", "", "x"]),
    "CS": some.sampled_from(["HEAD", "", "ORIGINAL\\PRIMARY", "not a code"]),
    "PN": some.sampled_from(["Zimmerquast^Adelheid", "Other^Person", ""]),
    "UI": some.sampled_from(["1.2.3.4.5.1", "1.2.840.10008.1.1", "1.2\\1.3", ""]),
    "US": some.integers(0, 65535),
    "FD": some.floats(allow_nan=False, width=32),
    "AS": some.sampled_from(["031Y", "", "old"]),
    "OB": some.binary(max_size=8).map(lambda raw: raw + b"\0" * (len(raw) & 1)),
}


@some.composite
def elements(draw: Any, depth: int = 0) -> Dataset:
    """A data set of random standard and private elements."""
    made = Dataset()
    for tag in draw(some.lists(some.sampled_from(_TAGS), max_size=12, unique=True)):
        vr = DicomDictionary[tag][0]
        if vr == "SQ":
            items = draw(some.lists(elements(depth + 1), max_size=2)) if depth < 2 else []
            made.add_new(tag, "SQ", Sequence(items))
            made[tag].is_undefined_length = draw(some.booleans())
        else:
            made.add_new(tag, vr, draw(_VALUES[vr]))
    if draw(some.booleans()):
        block = made.private_block(
            0x0019, draw(some.sampled_from(["SIEMENS MR HEADER", "ACME"])), create=True
        )
        block.add_new(0x0A, "US", 3)
        block.add_new(0x28, "FD", 1.5)
        block.add_new(0x50, "LO", "Zimmerquast")
    return made


def whole(inner: Dataset, number: int) -> Dataset:
    """An MR image with these elements."""
    header = mr_instance()
    header.update(inner)
    header.SOPClassUID, header.SOPInstanceUID = (
        "1.2.840.10008.5.1.4.1.1.4",
        f"1.2.3.4.5.1.1.{number}",
    )
    for keyword in ("PixelRepresentation", "NumberOfFrames", "SpecificCharacterSet"):
        if keyword in header and keyword != "PixelRepresentation":
            del header[keyword]
    header.PixelRepresentation = 0
    return header


def fast(one: HeaderCleaner, content: bytes) -> bytes:
    """The fast path alone; raises NotUnderstood."""
    return b"".join(one.plain_file(content))


@settings(max_examples=300 if os.environ.get("DEIDFLOW_TEST_ALL") else 60)
@given(
    some.lists(elements(), min_size=2, max_size=4),
    some.sampled_from([IMPLICIT, EXPLICIT]),
    some.sampled_from(["low", "high", "basic"]),
)
def test_generated_headers(inner: list[Dataset], syntax: str, level: str) -> None:
    together = cleaner(level, explicit_out=False)
    for number, one in enumerate(inner):
        content = as_file(whole(one, number), syntax)
        alone = cleaner(level, explicit_out=False)
        released = fast(alone, content)
        assert released == fast(cleaner(level, explicit_out=False), normalised(content))
        assert released == fast(together, content), "a file must not depend on those before it"
        assert not [
            name for name in (b"Zimmerquast", b"Adelheid", b"PID-77120") if name in released
        ]


def files(root: Path) -> Iterator[Path]:
    """Every file of a folder; of long series one in four, or all with DEIDFLOW_TEST_ALL."""
    step = 1 if os.environ.get("DEIDFLOW_TEST_ALL") else 4
    for folder in sorted({path.parent for path in root.rglob("*") if path.is_file()}):
        own = sorted(
            path
            for path in folder.iterdir()
            if path.is_file() and has_mark(path.read_bytes()[:200])
        )
        yield from own[:: step if len(own) > 40 else 1]


def compare(root: Path) -> int:
    """How many files of a folder both ways handle, with the same bytes."""
    together, count = cleaner("high", explicit_out=False), 0
    for path in files(root):
        content = path.read_bytes()
        try:
            released = fast(together, content)
        except (NotUnderstood, Withheld):
            continue
        assert released == fast(cleaner("high", explicit_out=False), normalised(content)), path.name
        count += 1
    return count


def test_files_of_pydicom() -> None:
    assert compare(Path(pydicom.__file__).parent / "data") > 80


@pytest.mark.realdata
@pytest.mark.slow
def test_real_files() -> None:
    assert compare(REAL_DATA) > 400


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
def test_odd_files_take_the_slow_way(syntax: str) -> None:
    header = mr_instance()
    plain = as_file(header, syntax)
    start = plain.index(b"\x08\x00\x60\x00")
    length = 10
    swapped = plain[:start] + plain[start + length :]
    moved = swapped.replace(
        b"\x10\x00\x10\x00", plain[start : start + length] + b"\x10\x00\x10\x00", 1
    )
    one = cleaner("low", explicit_out=False)
    with pytest.raises(NotUnderstood):
        one.plain_file(moved)
    assert b"".join(one.file(moved)) == b"".join(cleaner("low", explicit_out=False).file(plain))


def test_big_endian_becomes_little_endian_with_its_pixels() -> None:
    path = Path(pydicom.__file__).parent / "data" / "test_files" / "MR_small_bigendian.dcm"
    released = pydicom.dcmread(io.BytesIO(b"".join(cleaner("low").file(path.read_bytes()))))
    same = pydicom.dcmread(path.with_name("MR_small.dcm"))
    assert released.file_meta.TransferSyntaxUID == EXPLICIT
    assert released.PixelData == same.PixelData


@pytest.mark.parametrize("level", ["low", "high"])
def test_pixel_bytes_go_straight_through(level: str) -> None:
    header = mr_instance()
    released = pydicom.dcmread(io.BytesIO(b"".join(cleaner(level).file(as_file(header)))))
    assert released.PixelData == header.PixelData


def test_the_head_of_a_file_says_what_the_whole_walk_says() -> None:
    root = Path(pydicom.__file__).parent / "data"
    reader, count = Reader(root), 0
    for found in walk(root):
        entry = reader.read(found.path) if isinstance(found, Found) else found
        if entry.instance is None:
            continue
        walked = describe(
            scan(
                memoryview((root / entry.path).read_bytes()),
                wanted_tags(),
                nested=nested_identifiers(),
            )
        )
        assert walked._replace(identifiers=()) == entry.instance._replace(identifiers=())
        assert sorted(walked.identifiers) == sorted(entry.instance.identifiers)
        count += 1
    assert count > 80


def test_the_age_and_the_trigger_time_do_not_depend_on_neighbours() -> None:
    first = mr_instance(PatientAge=None, PatientBirthDate="19600511", StudyTime="235000")
    after = mr_instance(
        PatientAge=None, PatientBirthDate="19600511", StudyDate="20220511", StudyTime="000500"
    )
    item = Dataset()
    item.TriggerTime = "7.3"
    timed = mr_instance(ReferencedImageSequence=Sequence([item]))
    together, alone = cleaner("high"), [cleaner("high") for _ in range(2)]
    for header in (first, after):
        released = b"".join(together.file(as_file(header)))
        assert released == b"".join(alone.pop().file(as_file(header)))
    unbinned = cleaner("high").for_series(bin_trigger_time=False)
    together.file(as_file(timed))
    assert b"".join(together.for_series(bin_trigger_time=False).file(as_file(timed))) == b"".join(
        unbinned.file(as_file(timed))
    )


def test_words_of_big_endian_tables_are_turned_around() -> None:
    header = mr_instance()
    header.RedPaletteColorLookupTableDescriptor = [4, 0, 16]
    header.add_new(0x00281201, "OW", bytes([0, 0, 0, 1, 0, 2, 0, 3]))
    header.PixelData = header.PixelData[::-1]
    stream = io.BytesIO()
    as_file(header)
    header.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.2"
    pydicom.dcmwrite(
        stream, header, implicit_vr=False, little_endian=False, enforce_file_format=True
    )
    released = pydicom.dcmread(io.BytesIO(b"".join(cleaner("low").file(stream.getvalue()))))
    assert released[0x00281201].value == bytes([0, 0, 1, 0, 2, 0, 3, 0])
