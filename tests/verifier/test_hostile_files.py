"""Whatever bytes lie in a release, the verifier ends with a report."""

from __future__ import annotations

import random

import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless

from deidflow.verifier.codestreams import essence_of
from deidflow.verifier.findings import Check
from deidflow.verifier.nifti import NotNifti, read_nifti
from deidflow.verifier.reader import NotDicom, read_instance
from tests.synthetic import as_file, mr_instance
from tests.verifier.conftest import MASKED, WHOLE, MiniRelease


def damaged(content: bytes, seed: int) -> bytes:
    """Bytes changed here and there, and sometimes cut."""
    chance = random.Random(seed)
    changed = bytearray(content)
    for _ in range(chance.choice((1, 5, 40))):
        place = chance.randrange(len(changed))
        changed[place] ^= chance.randrange(1, 256)
    if chance.random() < 0.3:
        del changed[chance.randrange(len(changed)) :]
    return bytes(changed)


@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_file_is_a_finding(high: MiniRelease, seed: int) -> None:
    paths = (
        high.instance("P001", MASKED),
        high.instance("P001", WHOLE),
        high.image(MASKED, "defaced.nii.gz"),
        high.image(MASKED, "defaced_mask.nii.gz"),
        high.image(MASKED, "defaced.json"),
        high.release / "P001" / "M00" / "session.json",
    )
    for number, path in enumerate(paths):
        path.write_bytes(damaged(path.read_bytes(), 100 * seed + number))

    found = high.found(with_source=bool(seed % 2))

    assert (Check.CHECKSUM, "SHA-256") in found


@pytest.mark.parametrize("content", [b"", b"x" * 131, bytes(128) + b"DICX", bytes(400)])
def test_other_bytes_are_not_dicom(content: bytes) -> None:
    with pytest.raises(NotDicom):
        read_instance(content)


@pytest.mark.parametrize("content", [b"", b"x" * 400, b"\x1f\x8b\x08junk", bytes(400)])
def test_other_bytes_are_not_nifti(content: bytes) -> None:
    with pytest.raises(NotNifti):
        read_nifti(content)


def test_sequences_without_end_break_off() -> None:
    deep = b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff" * 100

    instance = read_instance(as_file(mr_instance()) + deep)

    assert ("data set", "breaks off or has lengths that do not fit") in instance.problems


def test_a_deflated_file_is_inflated() -> None:
    content = as_file(mr_instance(), "1.2.840.10008.1.2.1.99")

    assert read_instance(content).text(0x00100020) == "PID-77120"
    assert ("data set", "is cut before its end, or too large") in read_instance(
        content[:-20]
    ).problems


def test_text_in_compressed_pixels(low: MiniRelease) -> None:
    comment = b"made by bob@clinic.org"
    segment = b"\xff\x64" + (len(comment) + 4).to_bytes(2, "big") + b"\0\1" + comment
    stream = b"\xff\x4f\xff\x51\0\4ab" + segment + b"\xff\xd9"

    def compress(header: object) -> None:
        header.file_meta.TransferSyntaxUID = JPEG2000Lossless  # type: ignore[attr-defined]
        header.PixelData = encapsulate([stream])  # type: ignore[attr-defined]
        header["PixelData"].VR = "OB"  # type: ignore[index]
        header["PixelData"].is_undefined_length = True  # type: ignore[index]

    low.change(compress)

    assert (Check.TEXT, "PixelData") in low.found()


def test_comments_do_not_count_when_streams_are_compared() -> None:
    bare = b"\xff\x4f\xff\x51\0\4ab\xff\x90\0\x0adata\xff\xd9"
    commented = bare[:8] + b"\xff\x64\0\6\0\1hi" + bare[8:]

    first, second = (essence_of(encapsulate([stream])) for stream in (bare, commented))

    assert first == second
    assert essence_of(encapsulate([bare.replace(b"data", b"date")])) != first


def test_implicit_and_explicit_files_are_read() -> None:
    for syntax in ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1"):
        instance = read_instance(as_file(mr_instance(), syntax))
        assert (instance.text(0x00100020), instance.short(0x00280010)) == ("PID-77120", 8)
        assert instance.problems == []
        assert instance.pixels is not None
