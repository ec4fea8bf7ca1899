"""Sidecars, summaries, gradients, NIfTI: each file is what its name says, and holds nobody."""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from deidflow.checks.files import hits_in
from deidflow.checks.json_files import check_summary
from deidflow.checks.leaks import OWN, Hit, LeakSearch
from deidflow.checks.nifti_files import hits_in_nifti
from deidflow.checks.ours import Ours
from deidflow.checks.own import OwnIdentifiers

DESCRIPTION = slice(148, 228)


def search() -> LeakSearch:
    identifiers = [("name", "Zimmerquast^Jo"), ("date", "19600412")]
    return LeakSearch(OwnIdentifiers.of(identifiers), Ours(frozenset(("P001", "M00"))))


def hits(folder: Path, name: str, content: str | bytes) -> list[Hit]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(hits_in(path, search()))


def in_json(folder: Path, value: Any) -> list[Hit]:
    return hits(folder, "x.json", json.dumps(value))


def test_texts_of_a_sidecar_are_searched_at_any_depth(tmp_path: Path) -> None:
    value = {"ProtocolName": [["plain", {"CoilString": "for Zimmerquast"}]]}
    assert in_json(tmp_path, value) == [Hit("CoilString", OWN, "name")]


def test_a_text_of_a_list_is_named_by_its_key(tmp_path: Path) -> None:
    value = {"ImageComments": ["a", "on 12.04.1960"]}
    assert in_json(tmp_path, value) == [Hit("ImageComments", OWN, "date")]


def test_keys_that_the_list_does_not_have_are_searched(tmp_path: Path) -> None:
    assert in_json(tmp_path, {"Zimmerquast": 1}) == [Hit("key", OWN, "name")]
    assert in_json(tmp_path, {"EchoTime": 1}) == []


def test_numbers_and_terms_of_a_sidecar_are_no_leak(tmp_path: Path) -> None:
    value = {
        "EchoTime": 19600412,
        "ImageType": ["ORIGINAL", "PRIMARY"],
        "PatientName": "P001",
        "Manual": None,
        "IsPhase": True,
    }
    assert in_json(tmp_path, value) == []


@pytest.mark.parametrize("name", ["x.json", "session.json"])
def test_a_json_file_that_is_cut_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        hits(tmp_path, name, '{"EchoTime": "x')


def summary(**changes: Any) -> dict[str, Any]:
    series = {
        "series": "003-MR",
        "modality": "MR",
        "state": "no face in view",
        "reason": "",
        "instances": 170,
        "incomplete": False,
    }
    return {"session": "M00b", "series": [series | changes], "overlay_bits_cleared": 3}


def test_a_summary_of_known_words_passes(tmp_path: Path) -> None:
    known = summary(reason=None)
    assert hits(tmp_path, "session.json", json.dumps(known)) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "Zimmerquast"},
        {"state": "scanned on 1960"},
        {"state": "ends with a space "},
        {"series": "3-MR"},
        {"series": "003-mr"},
        {"modality": "MRI"},
        {"patient": "x"},
        {"reason": ["a", {"b": 1}]},
    ],
)
def test_anything_else_in_a_summary_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="the summary holds an unknown"):
        check_summary(summary(**changes))


@pytest.mark.parametrize("suffix", [".bval", ".bvec"])
def test_gradients_are_numbers_and_nothing_else(tmp_path: Path, suffix: str) -> None:
    assert hits(tmp_path, f"x{suffix}", "0 1000 -1.5e-3 nan inf\r\n") == []
    assert hits(tmp_path, f"x{suffix}", "") == []
    with pytest.raises(ValueError, match="more than numbers"):
        hits(tmp_path, f"x{suffix}", "0 1000 Zimmerquast")
    with pytest.raises(ValueError, match="ascii"):
        hits(tmp_path, f"x{suffix}", "0 ü")


def test_a_file_of_another_kind_is_searched_as_binary(tmp_path: Path) -> None:
    content = b"\x01\x02" + "for Zimmerquast".encode("utf-16-le") + b"\0"
    assert hits(tmp_path, "stray.bin", content) == [Hit("content", OWN, "name")]
    assert hits(tmp_path, "empty.txt", b"") == []


def nifti(shape: tuple[int, ...] = (4, 4, 4), dtype: Any = np.int16) -> bytearray:
    image = nibabel.Nifti1Image(np.zeros(shape, dtype), np.eye(4))
    return bytearray(image.to_bytes())


def in_nifti(content: bytes) -> list[Hit]:
    packed = gzip.compress(bytes(content), mtime=0)
    return list(hits_in_nifti(packed, search()))


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((4, 4, 4), np.int16),
        ((4, 4, 4, 3), np.float32),
        ((5, 1, 7), np.uint8),
        ((4, 4), np.float64),
    ],
)
def test_header_and_voxels_are_the_whole_file(shape: tuple[int, ...], dtype: Any) -> None:
    assert in_nifti(nifti(shape, dtype)) == []


@pytest.mark.parametrize("start", [4, 14, 148, 228, 328])
def test_every_text_field_of_the_header_is_searched(start: int) -> None:
    content = nifti()
    name = b"jo zimmerq"[:10]
    content[start : start + len(name)] = name
    searched = LeakSearch(OwnIdentifiers.of([("name", "Zimmerq^Jo")]), Ours())
    packed = gzip.compress(bytes(content), mtime=0)
    assert list(hits_in_nifti(packed, searched)) == [Hit("header", OWN, "name")]


def test_a_text_that_fills_its_field_in_two_bytes_per_character_is_found() -> None:
    content = nifti()
    content[DESCRIPTION] = "for Zimmerquast".encode("utf-16-le").rjust(80, b"\0")
    assert in_nifti(content) == [Hit("header", OWN, "name")]


def with_tail(content: bytearray) -> bytes:
    return bytes(content) + b"x"


def without_last_voxel(content: bytearray) -> bytes:
    return bytes(content[:-2])


def with_extension(content: bytearray) -> bytes:
    content[348] = 1
    return bytes(content)


def with_another_size(content: bytearray) -> bytes:
    struct.pack_into("<h", content, 42, 5)
    return bytes(content)


@pytest.mark.parametrize(
    "damage", [with_tail, without_last_voxel, with_extension, with_another_size]
)
def test_a_nifti_file_with_more_or_less_than_header_and_voxels_is_refused(damage: Any) -> None:
    with pytest.raises(ValueError, match=r"not header and voxels|extension"):
        in_nifti(damage(nifti()))


def test_a_name_in_the_gzip_header_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "Zimmerquast.nii.gz"
    with gzip.open(path, "wb") as stream:
        stream.write(bytes(nifti()))
    with pytest.raises(ValueError, match="the gzip header"):
        list(hits_in(path, search()))


@pytest.mark.parametrize("tail", [b"Zimmerquast", gzip.compress(b"second member", mtime=0)])
def test_bytes_behind_the_gzip_member_are_refused(tail: bytes) -> None:
    packed = gzip.compress(bytes(nifti()), mtime=0) + tail
    with pytest.raises(ValueError, match="follow the gzip stream"):
        list(hits_in_nifti(packed, search()))


def test_a_gzip_file_that_is_cut_is_refused() -> None:
    packed = gzip.compress(bytes(nifti()), mtime=0)
    with pytest.raises(ValueError, match="is cut"):
        list(hits_in_nifti(packed[:-9], search()))


def test_a_large_image_is_unpacked_in_blocks() -> None:
    assert in_nifti(nifti((128, 128, 80))) == []
