"""NIfTI headers by their fields: what is not one, is cut off, or has its voxels elsewhere."""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path

import nibabel
import numpy as np
import pytest

from deidflow.errors import Withheld
from deidflow.header.text import Scrubber
from deidflow.nifti.convert import Converted, convert, link_series
from deidflow.nifti.header import HEADER_BYTES, read_header
from deidflow.nifti.scrub import scrub_nifti
from deidflow.nifti.sidecar import read_sidecar, rebuild
from deidflow.nifti.tool import tool_version
from tests.synthetic import save_series

SCRUBBER = Scrubber.of((("name", "Zimmerquast^Adelheid"),))


def nifti(path: Path, values: np.ndarray | None = None) -> Path:
    content = (
        np.arange(24, dtype=np.int16).reshape(
            2,
            3,
            4,
        )
        if values is None
        else values
    )
    nibabel.Nifti1Image(content, np.eye(4)).to_filename(path)
    return path


def test_a_header_has_the_fields_of_its_file(tmp_path: Path) -> None:
    with nifti(tmp_path / "a.nii").open("rb") as stream:
        header = read_header(stream)
        assert stream.tell() == HEADER_BYTES

    assert header is not None
    assert header["dim"].tolist()[:4] == [3, 2, 3, 4]
    assert header["bitpix"] == 16
    assert header["vox_offset"] == 352


def test_a_file_that_ends_in_its_header_has_none(tmp_path: Path) -> None:
    short = tmp_path / "short.nii"
    short.write_bytes(nifti(tmp_path / "a.nii").read_bytes()[:300])
    with short.open("rb") as stream:
        assert read_header(stream) is None


@pytest.mark.parametrize("content", [b"", b"x" * 400, struct.pack(">i", 348) + bytes(400)])
def test_what_is_no_nifti_is_not_released(tmp_path: Path, content: bytes) -> None:
    """Empty, something else, and big-endian, which dcm2niix never writes."""
    source = tmp_path / "a.nii"
    source.write_bytes(content)

    with pytest.raises(Withheld, match="not a NIfTI-1 file"):
        scrub_nifti(source, tmp_path / "b.nii.gz")

    assert not (tmp_path / "b.nii.gz").exists()


def test_only_text_and_offset_of_a_header_change(tmp_path: Path) -> None:
    source = nifti(tmp_path / "a.nii")
    before = source.read_bytes()

    scrub_nifti(source, tmp_path / "b.nii.gz")
    after = gzip.decompress((tmp_path / "b.nii.gz").read_bytes())

    assert after == before, "it had no text and no extension"


def test_every_text_field_is_blank_to_its_last_byte(tmp_path: Path) -> None:
    source = nifti(tmp_path / "a.nii")
    content = bytearray(source.read_bytes())
    texts = {"data_type": (4, 10), "db_name": (14, 18), "descrip": (148, 80)}
    texts |= {"aux_file": (228, 24), "intent_name": (328, 16)}
    for offset, length in texts.values():
        content[offset : offset + length] = b"A\0" + b"Z" * (length - 2)
    source.write_bytes(content)

    scrub_nifti(source, tmp_path / "b.nii.gz")
    after = gzip.decompress((tmp_path / "b.nii.gz").read_bytes())

    for name, (offset, length) in texts.items():
        assert after[offset : offset + length] == bytes(length), name


def test_voxels_begin_after_the_header_wherever_they_were(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(
        np.arange(24, dtype=np.int16).reshape(
            2,
            3,
            4,
        ),
        np.eye(4),
    )
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"x" * 500))
    image.to_filename(tmp_path / "a.nii")
    assert nibabel.load(tmp_path / "a.nii").dataobj.offset > 800

    scrub_nifti(tmp_path / "a.nii", tmp_path / "b.nii.gz")
    after = nibabel.load(tmp_path / "b.nii.gz")

    assert after.dataobj.offset == 352
    assert np.asanyarray(after.dataobj).ravel().tolist() == list(range(24))


def test_a_large_image_is_copied_whole(tmp_path: Path) -> None:
    """More than one block of the copy."""
    values = (
        np.random.default_rng(1)
        .integers(
            0,
            4_000,
            (96, 96, 70),
        )
        .astype(np.int16)
    )
    scrub_nifti(nifti(tmp_path / "a.nii", values), tmp_path / "b.nii.gz")
    assert np.array_equal(np.asanyarray(nibabel.load(tmp_path / "b.nii.gz").dataobj), values)


def converted(folder: Path, **header: object) -> list[Converted]:
    """The images that dcm2niix makes of a series of four slices."""
    save_series(
        folder / "in",
        4,
        **header,
    )
    link_series(sorted((folder / "in").iterdir()), folder / "linked")
    return convert(
        folder / "linked",
        folder / "out",
        folder / "log",
    )


def test_an_image_names_the_files_that_belong_to_it(tmp_path: Path) -> None:
    (image,) = converted(tmp_path)

    assert image.sidecar == image.nifti.with_suffix(".json")
    assert image.sidecar.exists()
    assert image.gradients == ()


def test_what_is_in_the_folder_before_is_accounted_for_by_its_name(tmp_path: Path) -> None:
    """Resampled images are left out; a suffix that is not known becomes a number."""
    (tmp_path / "out").mkdir()
    for name in ("image_Eq_1", "image_e2", "image_Zimmerquast", "image_Tilt_1", "other"):
        nifti(tmp_path / "out" / f"{name}.nii")
    (tmp_path / "out" / "image_e2.bval").write_text("0 1000")

    images = converted(tmp_path)

    assert [image.suffix for image in images] == ["", "_part2", "_e2"]
    assert [len(image.gradients) for image in images] == [0, 0, 1]


@pytest.mark.parametrize("size", [100, 360])
def test_an_image_that_is_cut_off_is_withheld(tmp_path: Path, size: int) -> None:
    (tmp_path / "out").mkdir()
    whole = nifti(tmp_path / "out" / "image_e1.nii").read_bytes()
    (tmp_path / "out" / "image_e1.nii").write_bytes(whole[:size])

    with pytest.raises(Withheld, match="the image is cut off"):
        converted(tmp_path)


def test_the_version_of_the_tool_is_that_of_its_wheel() -> None:
    assert tool_version().startswith("1.0.")


def test_a_missing_sidecar_leaves_the_fields_of_ours(tmp_path: Path) -> None:
    content = rebuild(
        tmp_path / "none.json",
        SCRUBBER,
        {"DeidentificationMethod": "deidflow"},
    )
    assert content == b'{\n  "DeidentificationMethod": "deidflow"\n}\n'


@pytest.mark.parametrize("content", ["[1, 2]", '"text"', "3", "null"])
def test_a_sidecar_that_is_no_object_has_no_fields(tmp_path: Path, content: str) -> None:
    (tmp_path / "x.json").write_text(content)
    assert read_sidecar(tmp_path / "x.json") == {}


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ('"ORIGINAL_PRIMARY_M_SECRET"', "ORIGINAL_PRIMARY_M"),
        ('["ORIGINAL", "PRIMARY", 5]', ["ORIGINAL", "PRIMARY", "NONE"]),
        ('"SECRET"', None),
        ("7", None),
        ("[]", None),
    ],
)
def test_only_listed_tokens_of_the_image_type_stay(
    tmp_path: Path, value: str, kept: object
) -> None:
    (tmp_path / "x.json").write_text(f'{{"ImageType": {value}}}')
    assert _kept(tmp_path).get("ImageType") == kept


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("2.5", 2.5),
        ("0", 0),
        ("[1, [2, 3]]", [1, [2, 3]]),
        ('[1, {"a": 2}]', None),
        ('{"a": 1}', None),
        ('"Zimmerquast"', None),
        ('"\\u0414"', None),
    ],
)
def test_values_are_numbers_clear_text_or_lists_of_these(
    tmp_path: Path, value: str, kept: object
) -> None:
    (tmp_path / "x.json").write_text(f'{{"RepetitionTime": {value}}}')
    assert _kept(tmp_path).get("RepetitionTime") == kept


def _kept(folder: Path) -> dict[str, object]:
    loaded: dict[str, object] = json.loads(
        rebuild(
            folder / "x.json",
            SCRUBBER,
            {},
        )
    )
    return loaded
