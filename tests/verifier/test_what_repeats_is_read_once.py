"""Files of a series read one after the other: the same elements as each read alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from pydicom.dataset import Dataset

from deidflow.verifier.instance import NOTHING_REPEATED, Instance
from deidflow.verifier.reader import read_instance
from deidflow.verifier.repeats import Latest, SeriesReader
from tests.places import REAL_DATA
from tests.synthetic import as_file, mr_instance


def series(
    count: int = 5, change: Callable[[Dataset, int], object] = lambda header, number: None
) -> list[bytes]:
    """Files that differ in their instance, place and pixels, and in what `change` does."""
    files = []
    for number in range(1, count + 1):
        header = mr_instance(
            SOPInstanceUID=f"1.2.3.{number}",
            InstanceNumber=number,
            ImagePositionPatient=["0", "0", str(number * 11)],
        )
        block = header.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
        block.add_new(0x08, "CS", "IMAGE NUM 4")
        header.PixelData = bytes([number]) * 128
        header["PixelData"].VR = "OW"
        change(header, number)
        files.append(as_file(header))
    return files


def facts(instance: Instance) -> tuple[object, ...]:
    """All that a check may ask of an instance."""
    elements = sorted(
        (item.tag, item.vr, item.raw, item.level.creator_of(item.tag), item.level.charset)
        for item in instance.elements
    )
    return elements, instance.top, instance.meta, instance.pixels, instance.problems


def assert_read_alike(files: Iterable[bytes]) -> list[Instance]:
    reader = SeriesReader()
    read = []
    for content in files:
        instance = reader.read(content)
        assert facts(instance) == facts(read_instance(content))
        read.append(instance)
    return read


def test_a_series_is_learned_from_two_files() -> None:
    read = assert_read_alike(series())

    assert [item.repeated is NOTHING_REPEATED for item in read] == [True, True, False, False, False]
    assert len(read[2].fresh) < 6
    assert read[3].repeated is read[4].repeated


@pytest.mark.parametrize(
    "change",
    [
        lambda header, number: setattr(header, "PatientComments", "x" * number),
        lambda header, number: setattr(
            header, "StudyDescription", "other" if number > 3 else "one"
        ),
        lambda header, number: header.update({"EchoTime": "3"} if number % 2 else {}),
        lambda header, number: setattr(
            header, "SpecificCharacterSet", "ISO_IR 100" if number % 2 else "ISO_IR 192"
        ),
        lambda header, number: header.private_block(
            0x0031, "A" if number % 2 else "B", create=True
        ).add_new(1, "LO", "value"),
    ],
    ids=["longer", "late", "there or not", "character set", "creator"],
)
def test_whatever_differs(change: Callable[[Dataset, int], object]) -> None:
    assert_read_alike(series(6, change))


def test_what_breaks_off_in_the_middle_of_a_series() -> None:
    files = series(6)
    files[3] = files[3][:-5]
    files[4] += b"trailing"

    read = assert_read_alike(files)

    assert read[3].problems
    assert read[4].problems
    assert not read[5].problems


def test_a_result_is_kept_for_its_key_only() -> None:
    calls: list[int] = []
    latest: Latest[int] = Latest()
    for key in (1, 1, 2, 2, 1):
        assert latest.get(key, lambda key=key: calls.append(key) or key * 10) == key * 10
    assert calls == [1, 2, 1]


@pytest.mark.realdata
def test_real_series() -> None:
    folders = ("mr_philips_study", "mr_siemens_mosaic", "odd_pydicom", "mr_ge_epi")
    for folder in folders:
        paths = sorted(path for path in (REAL_DATA / folder).rglob("*") if path.is_file())
        contents = (path.read_bytes() for path in paths[:200])
        assert_read_alike(content for content in contents if content[128:132] == b"DICM")
