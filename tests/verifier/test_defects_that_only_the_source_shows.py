"""Beside vault and source: leaks, mix-ups, conservation, pixels, references, intervals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from deidflow.identity.secret import Keys
from deidflow.identity.withdrawn import WithdrawnPatients
from deidflow.release.layout import Layout
from deidflow.store.files import sha256_of
from deidflow.verifier.findings import Check
from deidflow.withdrawal.traces import Traces, erase_files
from tests.verifier.conftest import MASKED, WHOLE, MiniRelease

Plant = Callable[[Dataset], object]


def put(**values: Any) -> Plant:
    """Set attributes."""

    def plant(header: Dataset) -> None:
        for keyword, value in values.items():
            setattr(header, keyword, value)

    return plant


def swap_pixel(place: int) -> Plant:
    """Change one stored value."""

    def plant(header: Dataset) -> None:
        pixels = np.frombuffer(header.PixelData, "<u2").copy()
        pixels[place] += 1
        header.PixelData = pixels.tobytes()

    return plant


PLANTED = [
    (put(ReceiveCoilName="zimmerquast8"), Check.LEAK, "ReceiveCoilName"),
    (put(TransmitCoilName="for PID 77120"), Check.LEAK, "TransmitCoilName"),
    (put(ReceiveCoilName="korbinian ottenhuber"), Check.LEAK, "ReceiveCoilName"),
    (put(TransmitCoilName="PID-88231"), Check.LEAK, "TransmitCoilName"),
    (put(AcquisitionDate="19600412"), Check.LEAK, "AcquisitionDate"),
    (put(FrameOfReferenceUID="1.2.3.4.5.9"), Check.LEAK, "FrameOfReferenceUID"),
    (put(FrameOfReferenceUID="2.25.77"), Check.REFERENCE, "FrameOfReferenceUID"),
    (put(StudyInstanceUID="2.25.78"), Check.REFERENCE, "StudyInstanceUID"),
    (put(AcquisitionDate="20211231"), Check.INTERVAL, "AcquisitionDate"),
    (swap_pixel(40), Check.PIXELS, "PixelData"),
]


@pytest.mark.parametrize(("plant", "check", "attribute"), PLANTED)
def test_in_one_instance(low: MiniRelease, plant: Plant, check: Check, attribute: str) -> None:
    path = low.instance("P001", WHOLE, 2)

    low.change(plant, path)

    name = path.relative_to(low.release).as_posix()
    findings = low.verify(with_source=True).findings
    assert (name, check, attribute) in {finding[:3] for finding in findings}


def test_a_moment_that_lost_its_distance(high: MiniRelease) -> None:
    high.change(put(AcquisitionTime="003000"), high.instance("P001", WHOLE, 2))

    assert high.found(with_source=True) == {(Check.INTERVAL, "AcquisitionDate")}


def test_a_reference_to_another_instance(low: MiniRelease) -> None:
    def turn(header: Dataset) -> None:
        header.SourceImageSequence[0].ReferencedSOPInstanceUID = header.SOPInstanceUID

    low.change(turn, low.instance("P001", WHOLE, 2))

    expected = (Check.REFERENCE, "SourceImageSequence/ReferencedSOPInstanceUID")
    assert low.found(with_source=True) == {expected}


def test_a_pixel_outside_the_mask(high: MiniRelease) -> None:
    high.change(swap_pixel(63), high.instance("P001", MASKED))

    assert high.found(with_source=True) == {(Check.PIXELS, "PixelData")}


def test_a_mask_that_is_smaller_than_what_was_removed(high: MiniRelease) -> None:
    def blank_more(header: Dataset) -> None:
        pixels = np.frombuffer(header.PixelData, "<u2").reshape(8, 8).copy()
        pixels[:4] = 0
        header.PixelData = pixels.tobytes()

    high.change(blank_more, high.instance("P001", MASKED))

    assert high.found(with_source=True) == {(Check.PIXELS, "PixelData")}


def test_two_patients_whose_instances_were_exchanged(low: MiniRelease) -> None:
    first, second = low.instance("P001", WHOLE, 2), low.instance("P002", WHOLE, 2)
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    low.seal()

    found = low.found(with_source=True)

    assert {(Check.PATIENT, "PatientID"), (Check.REFERENCE, "SOPInstanceUID")} <= found


def test_an_instance_made_of_a_file_of_another_patient(low: MiniRelease) -> None:
    table = next(low.vault.glob("instances/*.csv"))
    table.write_text(table.read_text().replace("P001/004-MR-2.dcm", "P002/004-MR-2.dcm"))

    found = low.found(with_source=True)

    assert {(Check.PATIENT, "file"), (Check.CONSERVATION, "file")} <= found


def test_a_released_file_that_is_gone(low: MiniRelease) -> None:
    low.instance("P001", WHOLE, 3).unlink()
    low.seal()

    assert (Check.CONSERVATION, "file") in low.found(with_source=True)


def test_a_file_of_the_source_without_a_verdict(low: MiniRelease) -> None:
    (low.source / "Zimmerquast.dcm").write_bytes(low.first.read_bytes())

    report = low.verify(with_source=True)

    rows = [(finding.file, finding.check) for finding in report.findings]
    assert rows == [("source file 7", Check.CONSERVATION)]


def test_a_file_that_only_the_last_run_left_out_has_one_verdict(low: MiniRelease) -> None:
    table = next(low.vault.glob("instances/*.csv"))
    rows = table.read_text().splitlines()
    source, sop_uid = rows[1].split(",")[:2]
    table.write_text("\n".join([*rows, f"{source},{sop_uid},,P001,,,,excluded", ""]))

    assert low.found(with_source=True) == set()


def test_what_was_not_asked_for_needs_no_verdict(low: MiniRelease) -> None:
    (low.source / "README").write_text("nothing")
    (low.source / "P001" / "link").symlink_to(low.first)
    (low.source / ".out.deidflow").mkdir()
    (low.source / ".out.deidflow" / "1.dcm").write_text("staged")
    table = next(low.vault.glob("instances/*.csv"))
    table.write_text(table.read_text() + ".out.deidflow,,,,,,,skipped\n")

    assert low.found(with_source=True, named=("P001", "P002")) == set()
    assert low.found(with_source=True, named=("README", "P001", "P002")) != set()


def test_files_of_somebody_who_withdrew_are_counted_until_the_next_run(low: MiniRelease) -> None:
    nobody = WithdrawnPatients(frozenset(), Keys(bytes(32), "default", "low"))
    layout = Layout(low.release, low.vault, "default", "low")
    erase_files(layout, Traces("P001", (), nobody, frozenset()))
    table = layout.instances_table.read_text()

    assert "P001" not in table
    assert (Check.CONSERVATION, "file") not in low.found(with_source=True, subjects=("P002",))


def test_members_of_an_archive_are_where_the_vault_unpacked_them(low: MiniRelease) -> None:
    archive = low.source / "P001.zip"
    archive.write_bytes(b"the content of an archive")
    unpacked = low.vault / "work" / "default-low" / "archives" / sha256_of(archive)
    unpacked.mkdir(parents=True)
    text = (low.vault / "instances" / "default-low.csv").read_text()
    for number in range(1, 4):
        name = f"P001/004-MR-{number}.dcm"
        (low.source / name).rename(unpacked / f"{number:05d}")
        text = text.replace(name, f"P001.zip!/{number:05d}")
    (low.vault / "instances" / "default-low.csv").write_text(text + "P001.zip,,,,,,,skipped\n")

    assert low.found(with_source=True) == set()
    archive.write_bytes(b"another one")
    assert (Check.CONSERVATION, "source") in low.found(with_source=True)


def test_an_instance_that_the_vault_does_not_know(low: MiniRelease) -> None:
    low.instance("P001", WHOLE, 4).write_bytes(low.first.read_bytes())
    low.seal()

    assert (Check.CONSERVATION, "file") in low.found(with_source=True)


def test_a_name_in_a_sidecar(low: MiniRelease) -> None:
    path = low.image(WHOLE, "image.json")

    low.rewrite(path, lambda content: content.replace(b'"MR"', b'"zimmerquast"'))

    assert low.found(with_source=True) == {(Check.LEAK, "Modality")}


def test_dates_moved_by_other_days_than_the_vaults(low: MiniRelease) -> None:
    order = low.vault / "work" / "default-low" / "P002" / "order.json"
    order.write_text(order.read_text().replace("-100", "-99"))

    assert low.found(with_source=True) == {(Check.INTERVAL, "dates")}
