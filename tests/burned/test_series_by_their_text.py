"""Series go out, or stay, by the text in their pixels: from the source to the checked release."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom.uid import JPEG2000Lossless

from deidflow.identity.workorder import read_order
from deidflow.release import decisions as drawn_by_people
from deidflow.release.decision_record import append
from deidflow.run.batch import RunBatch
from deidflow.run.context import Run
from deidflow.run.discovery import discover_batch
from deidflow.run.dry_run import make_plan
from deidflow.run.fitness import is_up_to_date
from deidflow.run.session import SessionRun, carry_out, open_steps, recorded_steps
from deidflow.run.start import locked_run
from deidflow.settings.run import PlanSettings, RunSettings
from deidflow.steps.results import Held, InspectResult
from deidflow.verdicts import Reason
from tests.synthetic import mr_instance, save

pytest.importorskip("rapidocr_onnxruntime")
ULTRASOUND, SECONDARY = "1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.5.1.4.1.1.7"
RULE = """
rules:
  - name: acme-ultrasound
    match: {Modality: US, Manufacturer: ACME, SeriesNumber: 2}
    blank: [{top: 100, left: 0, rows: 60, columns: 240}]
"""
SHAPE = (160, 240)


def picture(text: str, *, shaded: bool = True) -> NDArray[np.uint8]:
    """A shaded ball, and text below it."""
    image = Image.new("L", SHAPE[::-1], 0)
    ImageDraw.Draw(image).text((20, 110), text, fill=255, font=ImageFont.load_default(size=14))
    drawn = np.array(image)
    if shaded:
        rows, columns = np.mgrid[-1:1:80j, -1:1:80j]
        drawn[10:90, 80:160] = 200 * np.sqrt(np.clip(1 - rows**2 - columns**2, 0, 1))
    return drawn


def save_picture(
    folder: Path, number: int, text: str, *, shaded: bool = True, **changes: Any
) -> None:
    kind = {"SOPClassUID": ULTRASOUND, "Modality": "US", **changes}
    header = mr_instance(
        SeriesNumber=number, SeriesInstanceUID=f"1.2.3.{number}", SOPInstanceUID=f"1.2.3.{number}.1",
        ImagePositionPatient=None, ImageOrientationPatient=None, PixelSpacing=None, BodyPartExamined="ABDOMEN",
        Rows=SHAPE[0], Columns=SHAPE[1], BitsAllocated=8, BitsStored=8, HighBit=7,
        PixelData=picture(text, shaded=shaded).tobytes(), **kind,
    )  # fmt: skip
    save(header, folder / f"picture-{number}.dcm")


class Site:
    """A source whose sessions are taken through their steps without Prefect."""

    def __init__(self, root: Path, level: str, **burned_in: Any) -> None:
        rules = root / "rules.yaml"
        rules.write_text(RULE)
        self.source = root / "source"
        self.settings = RunSettings(
            source=self.source, release=root / "release", vault=root / "vault", level=level,
            burned_in={"rules": [rules], **burned_in},
        )  # fmt: skip
        self.batch: RunBatch

    def run(self) -> dict[str, SessionRun]:
        sessions = {}
        run = Run.start("test", self.settings)
        with locked_run(self.settings) as vault:
            self.batch = discover_batch(self.settings, run.layout, vault, run.children)
            self.counts = self.batch.listing.counts()
            for ordered in self.batch.orders:
                order = read_order(run.layout.order(ordered.pseudonym))
                for session_order in order.sessions:
                    session = SessionRun(run, order, session_order)
                    for step in open_steps(session):
                        session.finished[step.name] = carry_out(session, step)
                    sessions[session.label] = session
        run.end()
        return sessions

    def released(self, number: int) -> Any:
        (path,) = self.settings.release.glob(f"P001/M00/{number:03d}-*/*dicom/slice_*1.dcm")
        return pydicom.dcmread(path)


def reasons(session: SessionRun) -> dict[str, Reason]:
    result = session.finished["inspect"].result
    assert isinstance(result, InspectResult)
    return {name: row.reason for name, row in result.series.items() if isinstance(row, Held)}


def codes(header: Any) -> set[str]:
    return {code.CodeValue for code in header.DeidentificationMethodCodeSequence}


@pytest.fixture(scope="module")
def low(tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, SessionRun]:
    """Seven series at level low, run once."""
    site = Site(tmp_path_factory.mktemp("low"), "low")
    save_picture(site.source, 1, "Liver R 5 cm", BurnedInAnnotation="YES")
    save_picture(site.source, 2, "Adelheid Zimmerquast")
    save_picture(site.source, 3, "Adelheid Zimmerquast")
    save_picture(site.source, 4, "Novak Hospital 4711")
    save_picture(site.source, 5, "Novak Hospital", SOPClassUID=SECONDARY, Modality="OT")
    volume = np.random.default_rng(0).integers(0, 40, (3, *SHAPE)).astype("<u2")
    for number, cells in enumerate(volume, start=1):
        plain = {"Rows": SHAPE[0], "Columns": SHAPE[1], "InstanceNumber": number}
        place = {"ImagePositionPatient": ["0", "0", str(number)]}
        marked = np.where(picture("ZIMMERQUAST") > 0, 4000, cells).astype("<u2")
        for series, values in ((6, cells), (7, marked if number == 2 else cells)):
            uids = {
                "SeriesInstanceUID": f"1.2.3.{series}",
                "SOPInstanceUID": f"1.2.3.{series}.{number}",
            }
            header = mr_instance(
                **plain, **place, **uids, SeriesNumber=series, PixelData=values.tobytes()
            )
            save(header, site.source / f"slice-{series}-{number}.dcm")
    (session,) = site.run().values()
    return site, session


def test_what_is_read_decides_what_goes_out(low: tuple[Site, SessionRun]) -> None:
    _, session = low
    assert reasons(session) == {
        "003-US": Reason.TEXT_OF_PATIENT,
        "004-US": Reason.TEXT_UNKNOWN,
        "005-OT": Reason.TEXT_UNKNOWN,
        "007-MR": Reason.TEXT_OF_PATIENT,
    }
    assert session.finished["verify"].result.findings == ()
    assert sorted(path.name for path in session.published.iterdir() if path.is_dir()) == [
        "001-US",
        "002-US",
        "006-MR",
    ]


def test_a_header_says_clean_only_where_every_image_was_read(low: tuple[Site, SessionRun]) -> None:
    site, _ = low
    for number, is_clean in ((1, True), (2, True)):
        header = site.released(number)
        assert (header.BurnedInAnnotation, "113101" in codes(header)) == ("NO", is_clean)
    volume = site.released(6)
    assert "113101" not in codes(volume) and "BurnedInAnnotation" not in volume


def test_a_blanked_image_keeps_every_other_value(low: tuple[Site, SessionRun]) -> None:
    site, session = low
    header = site.released(2)
    before = picture("Adelheid Zimmerquast")
    after = header.pixel_array
    assert (
        np.array_equal(after[:100], before[:100]) and not after[100:].any() and before[100:].any()
    )
    assert header.ImageType[0] == "DERIVED" and header.DerivationDescription.startswith("Text")
    assert not list((session.published / "002-US").glob("*.nii.gz"))


def test_a_second_run_has_nothing_to_do(low: tuple[Site, SessionRun]) -> None:
    _, session = low
    assert is_up_to_date(session, recorded_steps(session))


def test_the_check_sees_a_value_that_changed_outside_a_rectangle(
    low: tuple[Site, SessionRun], tmp_path: Path
) -> None:
    from deidflow.checks.pixels import PixelFile, differ
    from deidflow.checks.source import SourceReader

    site, session = low
    masks = np.load(session.job().masks / "002-US.npz")
    (path,) = (session.published / "002-US").glob("dicom/*.dcm")
    source = site.source / "picture-2.dcm"
    original = PixelFile(source.read_bytes(), SourceReader(frozenset()).read(source).cells)
    header = pydicom.dcmread(path)
    for place, expected in (((130, 30), True), ((20, 20), True), (None, False)):
        pixels = header.pixel_array.copy()
        if place:
            pixels[place] = 9
        header.PixelData = pixels.tobytes()
        changed = tmp_path / "changed.dcm"
        header.save_as(changed)
        released = PixelFile(changed.read_bytes(), SourceReader(frozenset()).read(changed).cells)
        assert differ(original, released, masks[path.name], tmp_path) is expected
        header = pydicom.dcmread(path)


def test_where_faces_must_go_only_what_shows_none_is_released(tmp_path: Path) -> None:
    site = Site(tmp_path, "high")
    save_picture(site.source, 1, "Liver R 5 cm")
    save_picture(site.source, 3, "5 cm", SOPClassUID=SECONDARY, Modality="OT")
    save_picture(site.source, 4, "5 cm", SOPClassUID=SECONDARY, Modality="OT", shaded=False)
    plan = make_plan(PlanSettings(source=site.source, burned_in=site.settings.burned_in))
    fates = [row.fate for subject in plan.subjects for row in subject.sessions[0].series]
    released = "released (not a head); no text of a person in its pixels"
    assert fates == [released, f"quarantined: {Reason.MAY_SHOW_FACE.words}", released]
    assert not (tmp_path / "vault").exists()


def test_without_the_reader_such_images_stay_and_the_release_says_so(tmp_path: Path) -> None:
    site = Site(tmp_path, "low", read="never")
    save_picture(site.source, 1, "5 cm")
    assert site.run() == {}
    assert {reason for _, reason in site.counts} == {Reason.MAY_CARRY_TEXT}
    assert "no OCR" in (site.settings.release / "dataset.json").read_text()


def test_a_compressed_image_is_blanked_and_stays_exact(tmp_path: Path) -> None:
    site = Site(tmp_path, "low")
    save_picture(site.source, 2, "Adelheid Zimmerquast")
    header = pydicom.dcmread(site.source / "picture-2.dcm")
    header.compress(JPEG2000Lossless, generate_instance_uid=False)
    header.save_as(site.source / "picture-2.dcm")
    (session,) = site.run().values()
    assert reasons(session) == {} and session.finished["verify"].result.findings == ()
    after = site.released(2)
    assert not after.file_meta.TransferSyntaxUID.is_compressed
    assert np.array_equal(after.pixel_array[:100], picture("")[:100])


def drawn(site: Site, session: SessionRun, rectangle: drawn_by_people.Rectangle) -> None:
    """Somebody draws a rectangle on the first series."""
    (series,) = session.order.series
    decision = drawn_by_people.Decision(
        case=drawn_by_people.CaseName("P001", "M00", series.name),
        action=drawn_by_people.Action.RECTANGLES, sights=(drawn_by_people.Sight.TEXT,), who="AB",
        when="2024-01-01T10:00:00+00:00", seen="", outputs="", source=series.source_digest, rectangles=(rectangle,),
    )  # fmt: skip
    append(session.run.layout.decisions, decision)


@pytest.mark.parametrize("read", ["auto", "never"])
def test_what_somebody_drew_is_blanked_in_another_instance(tmp_path: Path, read: str) -> None:
    site = Site(tmp_path, "low", read=read)
    cells = np.full(SHAPE, 7, "<u2")
    header = mr_instance(Rows=SHAPE[0], Columns=SHAPE[1], PixelData=cells.tobytes())
    save(header, site.source / "slice.dcm")
    (session,) = site.run().values()
    before = site.released(3)
    drawn(site, session, drawn_by_people.Rectangle(10, 20, 30, 40))

    (session,) = site.run().values()
    after = site.released(3)
    blank = np.zeros(SHAPE, bool)
    blank[10:40, 20:60] = True
    assert np.array_equal(after.pixel_array == 0, blank) and (before.pixel_array == 7).all()
    assert before.SOPInstanceUID != after.SOPInstanceUID
    assert ("113101" in codes(after)) is (read == "auto")
    image = nibabel.load(session.published / "003-MR" / "image.nii.gz").get_fdata()
    assert (image == 0).sum() == 30 * 40
