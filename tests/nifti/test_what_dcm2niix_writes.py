"""Conversion with the real dcm2niix; scrubbed headers, deterministic files, listed fields."""

from __future__ import annotations

import errno
import gzip
import json
from pathlib import Path

import nibabel
import numpy as np
import pytest

from deidflow.errors import EnvironmentFault, Withheld
from deidflow.header.text import Scrubber
from deidflow.nifti import tool
from deidflow.nifti.convert import convert, link_series
from deidflow.nifti.guess import closed_guess
from deidflow.nifti.scrub import scrub_nifti
from deidflow.nifti.sidecar import read_sidecar, rebuild
from deidflow.verdicts import Reason
from tests.places import mounted
from tests.synthetic import save_series

SCRUBBER = Scrubber.of((("name", "Zimmerquast^Adelheid"), ("number", "PID-77120")))


def test_a_series_becomes_one_image_under_a_fixed_name(tmp_path: Path) -> None:
    save_series(
        tmp_path / "in",
        4,
        ProtocolName="Zimmerquast",
    )
    link_series(sorted((tmp_path / "in").iterdir()), tmp_path / "linked")
    (image,) = convert(
        tmp_path / "linked",
        tmp_path / "out",
        tmp_path / "log",
    )

    assert (image.suffix, image.nifti.name) == ("", "image.nii")
    assert nibabel.load(image.nifti).shape == (8, 8, 4)


def test_what_cannot_be_converted_is_withheld(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.dcm").write_text("no image")
    with pytest.raises(Withheld) as caught:
        convert(
            tmp_path / "in",
            tmp_path / "out",
            tmp_path / "log",
        )
    assert caught.value.reason is Reason.CONVERT_FAILED


def test_a_missing_tool_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import dcm2niix

    monkeypatch.setattr(
        dcm2niix,
        "bin_path",
        tmp_path / "absent",
    )
    with pytest.raises(EnvironmentFault, match="dcm2niix"):
        tool.tool_path()


def with_text(path: Path) -> Path:
    image = nibabel.Nifti1Image(
        np.arange(24, dtype=np.int16).reshape(
            2,
            3,
            4,
        ),
        np.eye(4),
    )
    image.header["descrip"], image.header["aux_file"] = b"TE=3;Zimmerquast", b"PID-77120"
    image.header["db_name"], image.header["intent_name"] = b"Zimmerquast", b"Adelheid"
    image.header.extensions.append(
        nibabel.nifti1.Nifti1Extension("comment", b"Zimmerquast was here")
    )
    image.header.set_slope_inter(2.0, 1.0)
    image.to_filename(path)

    return path


def test_text_and_extensions_go_and_voxels_stay(tmp_path: Path) -> None:
    source = with_text(tmp_path / "a.nii")
    scrub_nifti(source, tmp_path / "b.nii.gz")
    content = gzip.decompress((tmp_path / "b.nii.gz").read_bytes())
    assert b"Zimmerquast" not in content
    assert b"PID-77120" not in content
    before, after = nibabel.load(source), nibabel.load(tmp_path / "b.nii.gz")
    assert np.array_equal(before.dataobj.get_unscaled(), after.dataobj.get_unscaled())
    assert np.array_equal(before.affine, after.affine)
    assert (after.dataobj.slope, after.dataobj.inter) == (2.0, 1.0)


def test_compressed_files_hold_no_clock_and_no_name(tmp_path: Path) -> None:
    source = with_text(tmp_path / "Zimmerquast.nii")
    scrub_nifti(source, tmp_path / "b.nii.gz")
    scrub_nifti(source, tmp_path / "c.nii.gz")
    first = (tmp_path / "b.nii.gz").read_bytes()
    assert first == (tmp_path / "c.nii.gz").read_bytes()
    assert first[3:8] == bytes(5), "no name flag, mtime 0"


def test_the_sidecar_keeps_listed_fields_only(tmp_path: Path) -> None:
    fields = {
        "RepetitionTime": 2.3,
        "SliceTiming": [0, 0.5],
        "InstitutionName": "Ypsilanti",
        "AcquisitionTime": "10:11:12",
        "SeriesDescription": "T1 MPRAGE Zimmerquast",
        "DeviceSerialNumber": "1",
        "SequenceName": "tfl Zimmerquast",
        "ImageType": ["ORIGINAL", "PRIMARY", "M", "SECRETWORD"],
        "PatientName": "Zimmerquast",
    }
    (tmp_path / "x.json").write_text(json.dumps(fields))
    kept = json.loads(
        rebuild(
            tmp_path / "x.json",
            SCRUBBER,
            {"Extra": 1},
        )
    )

    assert kept == {
        "RepetitionTime": 2.3,
        "SliceTiming": [0, 0.5],
        "SeriesDescription": "T1 MPRAGE",
        "SequenceName": "tfl",
        "ImageType": ["ORIGINAL", "PRIMARY", "M", "NONE"],
        "Extra": 1,
    }


ISO_2022 = {
    "japanese": (
        ["", "ISO 2022 IR 87"],
        "Yamada^Tarou=日本語能表^太郎=やまだ^たろう",
        "頭部 表能 T1",
    ),
    "korean": (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동", "뇌 검사 T1"),
}


@pytest.mark.parametrize("script", ISO_2022)
def test_names_and_texts_in_iso_2022_hold_nothing_back(tmp_path: Path, script: str) -> None:
    """The real tool writes the escape characters raw; with its names too, to see that they go."""
    character_sets, name, text = ISO_2022[script]
    texts = {"PatientName": name, "ProtocolName": text, "SeriesDescription": text}
    uid = {"SeriesInstanceUID": "1.2.3.4.5.123456"}
    save_series(
        tmp_path / "in",
        3,
        SpecificCharacterSet=character_sets,
        **texts,
        **uid,
    )
    (image,) = convert(
        tmp_path / "in",
        tmp_path / "out",
        tmp_path / "log",
    )
    assert b"\x1b" in image.sidecar.read_bytes()

    kept = rebuild(
        image.sidecar,
        Scrubber.of((("name", name),)),
        {},
    )
    assert json.loads(kept)["RepetitionTime"] == 2
    assert b"\x1b" not in kept
    assert b"\\u001b" not in kept
    assert json.loads(kept).get("SeriesDescription", "T1") == "T1"


def test_a_sidecar_is_read_as_far_as_it_is_clear(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(
        b'{"PatientName": "\x1b$B;3ED\x1b(B", "Comment": "\xff\xfe, nan,",\n'
        b'"RepetitionTime": nan, "EchoTime": -inf, "FlipAngle": NaN,\n'
        b'"SliceTiming": [0, nan, Infinity],\n'
        b'"Twice": 1, "Twice": 2, "Same": 3, "Same": 3}'
    )

    assert read_sidecar(tmp_path / "x.json") == {
        "PatientName": "\x1b$B;3ED\x1b(B",
        "Comment": "\ufffd\ufffd, nan,",
        "RepetitionTime": None,
        "EchoTime": None,
        "FlipAngle": None,
        "SliceTiming": [0, None, None],
        "Same": 3,
    }
    assert (
        json.loads(
            rebuild(
                tmp_path / "x.json",
                SCRUBBER,
                {},
            )
        )
        == {}
    )


def test_a_sidecar_that_is_not_json_is_withheld(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"RepetitionTime": 2, ')
    with pytest.raises(Withheld, match="the sidecar is not JSON"):
        rebuild(
            tmp_path / "x.json",
            SCRUBBER,
            {},
        )


def test_a_full_disk_is_not_a_series_that_cannot_be_converted(tmp_path: Path) -> None:
    """dcm2niix writes half an image and says that all went well."""
    save_series(
        tmp_path / "in",
        64,
        Rows=128,
        Columns=128,
        PixelData=bytes(2 * 128 * 128),
    )
    link_series(sorted((tmp_path / "in").iterdir()), tmp_path / "linked")
    small = mounted(
        tmp_path / "small",
        "-t",
        "tmpfs",
        "-o",
        "size=1m",
        "tmpfs",
    )

    with small as folder, pytest.raises(EnvironmentFault, match="no space left"):
        convert(
            tmp_path / "linked",
            folder / "out",
            tmp_path / "log",
        )
    assert convert(
        tmp_path / "linked",
        tmp_path / "out",
        tmp_path / "log",
    )


def test_a_vault_without_links_gets_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    save_series(tmp_path / "in", 1)
    monkeypatch.setattr(
        Path,
        "symlink_to",
        refuse,
    )
    link_series(sorted((tmp_path / "in").iterdir()), tmp_path / "linked")
    assert not (tmp_path / "linked" / "000001.dcm").is_symlink()


@pytest.mark.parametrize(
    ("guess", "kept"),
    [
        (["anat", "_acq-tfl3p2_run-5_T1w"], ["anat", "_T1w"]),
        (["func", "_task-Zimmerquast_dir-AP_run-4_bold"], ["func", "_dir-AP_bold"]),
        (["func", "_acq-EPI_echo-2_part-phase_bold"], ["func", "_echo-2_part-phase_bold"]),
        (["dwi", "_FA"], []),
        (["discard", "_acq-epse2_run-14_derivedDWI"], []),
        (["anat", "_Zimmerquast"], []),
        ("anat", []),
    ],
)
def test_a_guess_at_a_name_keeps_words_of_bids_only(guess: object, kept: list[str]) -> None:
    assert closed_guess(guess) == kept
