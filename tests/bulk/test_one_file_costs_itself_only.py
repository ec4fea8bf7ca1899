"""In a working process each file has one outcome, whatever is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest

import deidflow
from deidflow.bulk.description import write_description
from deidflow.bulk.targets import Target
from deidflow.bulk.work import lost
from deidflow.header.load_profile import load_profile
from deidflow.settings.anonymize import AnonymizeSettings
from deidflow.store.files import read_json
from deidflow.store.pool import PoolBatch
from deidflow.verdicts import Reason, Verdict
from tests.synthetic import mr_instance, save, save_series

STORED_BITS = 0x0FFF


def image(number: int, pixel: int = 0) -> pydicom.Dataset:
    pixels = pixel.to_bytes(2, "little") * 64
    return mr_instance(
        SOPInstanceUID=f"1.2.3.4.5.1.{number}",
        InstanceNumber=number,
        PixelData=pixels,
    )


def test_bits_beside_the_stored_value_hold_one_image_back(tmp_path: Path) -> None:
    save(image(1, STORED_BITS), tmp_path / "in" / "1.dcm")
    save(image(2, STORED_BITS + 1), tmp_path / "in" / "2.dcm")

    result = deidflow.anonymize(tmp_path / "in", tmp_path / "out", workers=1)
    assert result.verdicts["released"] == 1
    (held,) = result.not_released
    assert (held.number, held.reason) == (2, Reason.EMBEDDED_OVERLAY)


def test_a_file_that_killed_its_process_has_failed_with_the_reason() -> None:
    target = Target("in/1", "P001", "1.dcm", "1.2.3")
    (outcome,) = lost(PoolBatch(None, [target]), Reason.OUT_OF_MEMORY)

    assert (outcome.verdict, outcome.reason) == (Verdict.FAILED, Reason.OUT_OF_MEMORY)
    assert outcome.signature is None


def test_with_and_without_an_audit_the_same_bytes_are_written(tmp_path: Path) -> None:
    save_series(tmp_path / "in", 3)
    vault = tmp_path / "vault"
    deidflow.anonymize(tmp_path / "in", tmp_path / "a", vault=vault, workers=1)
    deidflow.anonymize(
        tmp_path / "in", tmp_path / "b", vault=vault, audit=tmp_path / "audit.csv", workers=1
    )

    for path in sorted((tmp_path / "a").rglob("*.dcm")):
        copy = tmp_path / "b" / path.relative_to(tmp_path / "a")
        assert copy.read_bytes() == path.read_bytes()


@pytest.mark.parametrize(("level", "keep"), [("high", ()), ("high", ("PatientName",))])
def test_the_description_claims_what_was_done(
    tmp_path: Path, level: str, keep: tuple[str, ...]
) -> None:
    values = {"sources": ("/in",), "out": tmp_path, "level": level, "header": {"keep": keep}}
    settings = AnonymizeSettings(**values)  # type: ignore[arg-type]
    profile = load_profile(level)

    write_description(settings, profile)
    description = read_json(tmp_path / "dataset.json")
    assert description["de-identified"] == "by PS3.15"
    assert description["codes"][0].startswith("113100 ")
    assert ("notes" in description) == bool(keep)
    assert (tmp_path / "dataset.json").stat().st_mode & 0o777 == 0o644


def test_a_profile_that_keeps_names_claims_no_standard(tmp_path: Path) -> None:
    save_series(tmp_path / "in", 1)
    deidflow.anonymize(tmp_path / "in", tmp_path / "out", keep=["PatientName"], workers=1)

    description = read_json(tmp_path / "out" / "dataset.json")
    assert description["de-identified"] == "not de-identified"
    assert description["codes"] == []
    assert any("PatientName" in note for note in description["notes"])
