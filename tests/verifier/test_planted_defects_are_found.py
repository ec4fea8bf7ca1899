"""Each leak and lie planted in a clean release is found, named, and never shown."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from deidflow.verifier.findings import Check
from tests.verifier.conftest import MASKED, WHOLE, MiniRelease

Plant = Callable[[Dataset], object]


def put(**values: Any) -> Plant:
    """Set attributes."""

    def plant(header: Dataset) -> None:
        for keyword, value in values.items():
            setattr(header, keyword, value)

    return plant


def put_private(group: int, creator: str, low: int, vr: str, value: Any) -> Plant:
    """Add a private element."""

    def plant(header: Dataset) -> None:
        header.private_block(group, creator, create=True).add_new(low, vr, value)

    return plant


def put_nested(**values: Any) -> Plant:
    """Set attributes in an item of a sequence that is kept."""

    def plant(header: Dataset) -> None:
        put(**values)(header.SourceImageSequence[0])

    return plant


def drop(keyword: str) -> Plant:
    """Remove an attribute."""
    return lambda header: delattr(header, keyword)


def put_codes(*codes: tuple[str, str]) -> Plant:
    """Replace the codes of the method."""

    def plant(header: Dataset) -> None:
        items = []
        for value, meaning in codes:
            item = Dataset()
            item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
            items.append(item)
        header.DeidentificationMethodCodeSequence = Sequence(items)

    return plant


def put_overlay(header: Dataset) -> None:
    """An overlay plane."""
    header.add_new(0x60000010, "US", 8)
    header.add_new(0x60003000, "OW", bytes(8))


def put_request(header: Dataset) -> None:
    """A sequence that the basic profile removes."""
    item = Dataset()
    item.ReferencedSOPInstanceUID = "2.25.1"
    header.ReferencedPatientSequence = Sequence([item])


BASIC = ("113100", "Basic Application Confidentiality Profile")
IN_A_HEADER = [
    # attributes that the profile forbids
    (put(PatientBirthDate="19600412"), Check.FORBIDDEN, "PatientBirthDate"),
    (put(PatientAddress="Hauptstr. 12"), Check.FORBIDDEN, "PatientAddress"),
    (put(OtherPatientIDs="X1"), Check.FORBIDDEN, "OtherPatientIDs"),
    (put(AccessionNumber="A77120"), Check.FORBIDDEN, "AccessionNumber"),
    (put(ReferringPhysicianName="Bones^Leonard"), Check.FORBIDDEN, "ReferringPhysicianName"),
    (put(InstitutionName="Ypsilanti Clinic"), Check.FORBIDDEN, "InstitutionName"),
    (put(DeviceSerialNumber="67093"), Check.FORBIDDEN, "DeviceSerialNumber"),
    (put(StationName="MRC67093"), Check.FORBIDDEN, "StationName"),
    (put(PatientComments="nice"), Check.TEXT, "PatientComments"),
    (put(SmokingStatus="YES"), Check.FORBIDDEN, "SmokingStatus"),
    (put(RequestedProcedureID="17"), Check.FORBIDDEN, "RequestedProcedureID"),
    (put_request, Check.FORBIDDEN, "ReferencedPatientSequence"),
    (put_nested(OperatorsName="Scotty"), Check.FORBIDDEN, "SourceImageSequence/OperatorsName"),
    (put_overlay, Check.FORBIDDEN, "OverlayData"),
    (lambda header: header.add_new(0x00112233, "LO", "x"), Check.PRIVATE, "0011,2233"),
    (lambda header: header.add_new(0x00182237, "LO", "x"), Check.FORBIDDEN, "0018,2237"),
    (put(PatientAge="093Y"), Check.FORBIDDEN, "PatientAge"),
    # private elements
    (
        put_private(0x0029, "SIEMENS CSA HEADER", 0x10, "OB", b"x" * 40),
        Check.PRIVATE,
        "0029,SIEMENS CSA HEADER,10",
    ),
    (put_private(0x2005, "HOME MADE", 0x10, "LO", "x"), Check.PRIVATE, "2005,1010"),
    (put_private(0x0009, "Zimmerquast", 0x10, "LO", "x"), Check.PRIVATE, "0009,0010"),
    # text that looks as if it came from a person
    (put(ReceiveCoilName="coil of Nora"), Check.TEXT, "ReceiveCoilName"),
    (put(ReceiveCoilName="Dr. Schmidt"), Check.TEXT, "ReceiveCoilName"),
    (put(ProtocolName="Miller^Bob"), Check.TEXT, "ProtocolName"),
    (put(SeriesDescription="T1 Zimmerquast"), Check.TEXT, "SeriesDescription"),
    (put(TransmitCoilName="a 12.04.1960"), Check.TEXT, "TransmitCoilName"),
    (put(TransmitCoilName="5 Mar 2020"), Check.TEXT, "TransmitCoilName"),
    (put(SequenceName="20220510"), Check.TEXT, "SequenceName"),
    (put(ManufacturerModelName="call +49 170 1234567"), Check.TEXT, "ManufacturerModelName"),
    (put(SoftwareVersions="bob@clinic.org"), Check.TEXT, "SoftwareVersions"),
    (put(ManufacturerModelName="12 High Street"), Check.TEXT, "ManufacturerModelName"),
    (put(ManufacturerModelName="MRN 7712034"), Check.TEXT, "ManufacturerModelName"),
    (put(SequenceName="123-45-6789"), Check.TEXT, "SequenceName"),
    (put(SequenceName="811218-9876"), Check.TEXT, "SequenceName"),
    (put_nested(PurposeOfReferenceCodeSequence=Sequence([])), None, ""),
    (put_nested(ReceiveCoilName="Mrs Miller"), Check.TEXT, "SourceImageSequence/ReceiveCoilName"),
    (
        put_private(0x0019, "SIEMENS MR HEADER", 0x08, "CS", "SMITH^JOHN"),
        Check.TEXT,
        "0019,SIEMENS MR HEADER,08",
    ),
    (
        put(RedPaletteColorLookupTableData=b"\x01\x02 bob@clinic.org \x03"),
        Check.TEXT,
        "RedPaletteColorLookupTableData",
    ),
    (put(ImagesInAcquisition="19600412"), Check.TEXT, "ImagesInAcquisition"),
    # dates
    (put(AcquisitionDate="20350101"), Check.DATE, "AcquisitionDate"),
    # UIDs
    (put(FrameOfReferenceUID="1.3.12.2.1107.5.2.43.67093.1"), Check.UID, "FrameOfReferenceUID"),
    (put(IrradiationEventUID="1.2.3.4"), Check.UID, "IrradiationEventUID"),
    (put(FrameOfReferenceUID="2.25.0123"), Check.UID, "FrameOfReferenceUID"),
    (
        put_nested(ReferencedSOPInstanceUID="1.2.3.4.5.4.1"),
        Check.UID,
        "SourceImageSequence/ReferencedSOPInstanceUID",
    ),
    # markers that lie
    (put(PatientIdentityRemoved="NO"), Check.MARKER, "PatientIdentityRemoved"),
    (drop("PatientIdentityRemoved"), Check.MARKER, "PatientIdentityRemoved"),
    (put_codes(BASIC), Check.MARKER, "DeidentificationMethodCodeSequence"),
    (put_codes(("113199", "No such option")), Check.MARKER, "DeidentificationMethodCodeSequence"),
    (
        drop("DeidentificationMethodCodeSequence"),
        Check.MARKER,
        "DeidentificationMethodCodeSequence",
    ),
    (
        put(DeidentificationMethod="not de-identified by PS3.15"),
        Check.MARKER,
        "DeidentificationMethod",
    ),
    (
        put(LongitudinalTemporalInformationModified="UNMODIFIED"),
        Check.MARKER,
        "LongitudinalTemporalInformationModified",
    ),
    (put(RecognizableVisualFeatures="NO"), Check.MARKER, "RecognizableVisualFeatures"),
    (put(BurnedInAnnotation="YES"), Check.MARKER, "BurnedInAnnotation"),
    # another patient's
    (put(PatientID="P002"), Check.PATIENT, "PatientID"),
    (put(PatientName="P002"), Check.PATIENT, "PatientName"),
    (put(PatientSex="M"), Check.PATIENT, "PatientSex"),
]


@pytest.mark.parametrize(("plant", "check", "attribute"), IN_A_HEADER)
def test_in_a_header(low: MiniRelease, plant: Plant, check: Check | None, attribute: str) -> None:
    path = low.instance("P001", WHOLE, 2)

    low.change(plant, path)

    report = low.verify()
    name = path.relative_to(low.release).as_posix()
    found = {(finding.file, finding.check, finding.attribute) for finding in report.findings}
    if check is None:
        assert found == set()
    elif check is Check.PATIENT:
        assert (check, attribute) in {row[1:] for row in found}
    else:
        assert (name, check, attribute) in found
        assert {row[0] for row in found} == {name}


def test_no_finding_shows_a_value(low: MiniRelease) -> None:
    secrets = ("Zimmerquast", "19600412", "bob@clinic.org", "Schmidt", "7712034")

    low.change(put(PatientBirthDate="19600412", SeriesDescription="T1 Zimmerquast"))
    low.change(put(ReceiveCoilName="Dr. Schmidt", ManufacturerModelName="MRN 7712034"))
    low.change(put(SoftwareVersions="bob@clinic.org"))
    low.change(put_private(0x0009, "Zimmerquast", 0x10, "LO", "x"))
    shutil_copy(low.first, low.release / "Zimmerquast_19600412.dcm")

    text = json.dumps(low.verify(with_source=True).to_json())
    assert [secret for secret in secrets if secret in text] == []


def shutil_copy(source: Path, target: Path) -> None:
    """Copy a file's bytes."""
    target.write_bytes(source.read_bytes())


AT_LEVEL_HIGH = [
    (put(AcquisitionDate="20220510"), Check.DATE, "AcquisitionDate"),
    (put(InstanceCreationDate="19020101"), Check.DATE, "InstanceCreationDate"),
    (put(PatientWeight="72.5"), Check.FORBIDDEN, "PatientWeight"),
    (put(PatientSize="1.78"), Check.FORBIDDEN, "PatientSize"),
    (lambda header: header.add_new("PatientWeight", "LO", "NaN"), Check.FORBIDDEN, "PatientWeight"),
    (put(PatientAge="062Y"), Check.FORBIDDEN, "PatientAge"),
    (put_codes(BASIC), Check.MARKER, "DeidentificationMethodCodeSequence"),
    (put(RecognizableVisualFeatures="YES"), Check.MARKER, "RecognizableVisualFeatures"),
    (drop("RecognizableVisualFeatures"), Check.MARKER, "RecognizableVisualFeatures"),
]


@pytest.mark.parametrize(("plant", "check", "attribute"), AT_LEVEL_HIGH)
def test_at_level_high(high: MiniRelease, plant: Plant, check: Check, attribute: str) -> None:
    high.change(plant, high.instance("P001", MASKED))

    assert (check, attribute) in high.found()


def test_a_series_that_keeps_its_pixels_claims_a_removed_face(high: MiniRelease) -> None:
    masked = ("113102", "Clean Recognizable Visual Features Option")

    def claim(header: Dataset) -> None:
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = masked[0], "DCM", masked[1]
        header.DeidentificationMethodCodeSequence.append(item)

    high.change(claim, high.instance("P001", WHOLE))

    assert (Check.MARKER, "DeidentificationMethodCodeSequence") in high.found()


# the bytes of an instance


def with_meta(element: bytes) -> Callable[[bytes], bytes]:
    """Put an element at the end of the file meta, and correct its length."""

    def change(content: bytes) -> bytes:
        length = int.from_bytes(content[140:144], "little")
        end = 144 + length
        counted = (length + len(element)).to_bytes(4, "little")
        return content[:140] + counted + content[144:end] + element + content[end:]

    return change


def spare_bit(content: bytes) -> bytes:
    """Set a bit of the last stored value above its stored bits."""
    return content[:-1] + bytes([content[-1] | 0x80])


def other_instance(content: bytes) -> bytes:
    """The file meta names another instance than the data set."""
    place = content.index(b"2.25.")
    digit = b"8" if content[place + 5 : place + 6] != b"8" else b"7"
    return content[: place + 5] + digit + content[place + 6 :]


IN_THE_BYTES = [
    (lambda content: b"Zimmerquast".ljust(128, b"\0") + content[128:], Check.STRUCTURE, "preamble"),
    (lambda content: content + b"PatientName=Z ", Check.STRUCTURE, "data set"),
    (lambda content: content[:-20], Check.STRUCTURE, "data set"),
    (lambda content: content[:128] + b"XXXX" + content[132:], Check.STRUCTURE, "preamble"),
    (with_meta(b"\2\0\x16\0AE\6\0SIEM67"), Check.STRUCTURE, "SourceApplicationEntityTitle"),
    (with_meta(b"\2\0\2\1OB\0\0\4\0\0\0ABCD"), Check.STRUCTURE, "PrivateInformation"),
    (other_instance, Check.STRUCTURE, "MediaStorageSOPInstanceUID"),
    (spare_bit, Check.PIXELS, "PixelData"),
    (
        lambda content: content + b"\xfc\xff\xfc\xffOB\0\0\4\0\0\0ABCD",
        Check.FORBIDDEN,
        "DataSetTrailingPadding",
    ),
]


@pytest.mark.parametrize(("change", "check", "attribute"), IN_THE_BYTES)
def test_in_the_bytes(
    low: MiniRelease, change: Callable[[bytes], bytes], check: Check, attribute: str
) -> None:
    low.rewrite(low.first, change)

    assert (check, attribute) in low.found()


def test_pixels_of_another_length(low: MiniRelease) -> None:
    low.change(put(PixelData=bytes(140)))

    assert (Check.PIXELS, "PixelData") in low.found()


def test_an_instance_that_is_there_twice(low: MiniRelease) -> None:
    shutil_copy(low.first, low.instance("P001", WHOLE, 4))
    low.seal()

    assert (Check.UID, "SOPInstanceUID") in low.found()
    assert (Check.TABLE, "counts") in low.found()


# files beside instances


def nifti_with(**fields: Any) -> Callable[[bytes], bytes]:
    """Change fields of a NIfTI header."""

    def change(packed: bytes) -> bytes:
        image = nibabel.Nifti1Image.from_bytes(gzip.decompress(packed))
        for name, value in fields.items():
            image.header[name] = value
        return gzip.compress(image.to_bytes(), mtime=0)

    return change


def with_extension(packed: bytes) -> bytes:
    image = nibabel.Nifti1Image.from_bytes(gzip.decompress(packed))
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"Zimmerquast"))
    return gzip.compress(image.to_bytes(), mtime=0)


def sidecar_with(**fields: Any) -> Callable[[bytes], bytes]:
    return lambda content: json.dumps(json.loads(content) | fields).encode()


BESIDE_INSTANCES = [
    ("image.nii.gz", nifti_with(descrip=b"Zimmerquast"), Check.NIFTI, "descrip"),
    ("image.nii.gz", nifti_with(aux_file=b"scan.par"), Check.NIFTI, "aux_file"),
    ("image.nii.gz", nifti_with(db_name=b"P"), Check.NIFTI, "db_name"),
    ("image.nii.gz", with_extension, Check.NIFTI, "extension"),
    (
        "image.nii.gz",
        lambda packed: gzip.compress(gzip.decompress(packed), mtime=9),
        Check.NIFTI,
        "gzip",
    ),
    ("image.nii.gz", lambda packed: packed + b"tail", Check.NIFTI, "gzip"),
    (
        "image.nii.gz",
        lambda packed: gzip.compress(gzip.decompress(packed) + b"Z", mtime=0),
        Check.NIFTI,
        "voxels",
    ),
    ("image.nii.gz", lambda _: b"no image", Check.NIFTI, "content"),
    ("image.json", sidecar_with(PatientName="x"), Check.SIDECAR, "PatientName"),
    ("image.json", sidecar_with(AcquisitionTime="10:00"), Check.SIDECAR, "AcquisitionTime"),
    ("image.json", sidecar_with(CoilString="Dr. Schmidt"), Check.SIDECAR, "CoilString"),
    ("image.json", sidecar_with(ProtocolName="T1 Zimmerquast"), Check.SIDECAR, "ProtocolName"),
    ("image.json", lambda _: b"[", Check.SIDECAR, "content"),
    ("image.bval", lambda _: b"0 1000 Zimmerquast", Check.SIDECAR, "content"),
]


@pytest.mark.parametrize(("name", "change", "check", "attribute"), BESIDE_INSTANCES)
def test_beside_instances(
    low: MiniRelease,
    name: str,
    change: Callable[[bytes], bytes],
    check: Check,
    attribute: str,
) -> None:
    path = low.image(WHOLE, name)
    path.touch()

    low.rewrite(path, change)

    found = {(finding.file, *finding[1:3]) for finding in low.verify().findings}
    assert (path.relative_to(low.release).as_posix(), check, attribute) in found


# the tree


def test_checksums(low: MiniRelease) -> None:
    content = low.first.read_bytes()
    low.first.write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
    assert low.found() == {(Check.CHECKSUM, "SHA-256")}

    low.first.write_bytes(content)
    low.image(WHOLE, "image.json").unlink()
    assert low.found() == {(Check.CHECKSUM, "file")}

    (low.release / "manifest.sha256").unlink()
    assert low.found() == {(Check.CHECKSUM, "table")}


def test_a_file_that_does_not_belong(low: MiniRelease) -> None:
    (low.release / "P001" / "notes.txt").write_text("call Mrs Miller, tel 06221/567890\n")
    low.seal()

    found = low.found()

    assert {(Check.FILE, "name"), (Check.TEXT, "content")} <= found


def test_a_link_out_of_the_release(low: MiniRelease) -> None:
    (low.release / "P001" / "more").symlink_to(low.source)
    low.seal()

    assert (Check.FILE, "kind") in low.found()


def test_a_name_of_a_person_in_the_name_of_a_file(low: MiniRelease) -> None:
    path = low.release / "P001" / "M00" / WHOLE / "dicom" / "Smith, John.dcm"
    low.instance("P001", WHOLE, 3).rename(path)
    low.seal()

    report = low.verify()

    assert (Check.FILE, "name") in {
        (finding.check, finding.attribute) for finding in report.findings
    }
    assert not any("Smith" in finding.file for finding in report.findings)


def test_tables_that_do_not_count_what_is_there(low: MiniRelease) -> None:
    low.rewrite(low.release / "subjects.tsv", lambda content: content.replace(b"\t3\n", b"\t4\n"))

    assert low.found() == {(Check.TABLE, "counts")}


def test_a_summary_that_holds_more_than_codes(low: MiniRelease) -> None:
    path = low.release / "P001" / "M00" / "session.json"

    low.rewrite(path, lambda content: content.replace(b'"released"', b'"Zimmerquast 1960"'))

    assert (Check.TABLE, "state") in low.found()


def test_a_description_with_a_name(low: MiniRelease) -> None:
    path = low.release / "dataset.json"

    low.rewrite(path, lambda content: content.replace(b"deidflow release", b"scans of Mrs Miller"))

    assert (Check.TABLE, "name") in low.found()


# masks


def test_a_face_that_was_put_back(high: MiniRelease) -> None:
    def show(header: Dataset) -> None:
        pixels = np.frombuffer(header.PixelData, "<u2").copy()
        pixels[3] = 99
        header.PixelData = pixels.tobytes()

    path = high.instance("P001", MASKED, 2)
    high.change(show, path)

    report = high.verify()
    assert [(finding.file, finding.check) for finding in report.findings] == [
        (path.relative_to(high.release).as_posix(), Check.MASK)
    ]


def test_a_nifti_image_that_still_has_its_face(high: MiniRelease) -> None:
    def show(packed: bytes) -> bytes:
        image = nibabel.Nifti1Image.from_bytes(gzip.decompress(packed))
        voxels = np.asarray(image.dataobj).copy()
        voxels[:, -1, 1] = np.arange(8)
        return gzip.compress(nibabel.Nifti1Image(voxels, image.affine).to_bytes(), mtime=0)

    high.rewrite(high.image(MASKED, "defaced.nii.gz"), show)

    assert high.found() == {(Check.MASK, "voxels")}


def test_a_series_without_its_mask(high: MiniRelease) -> None:
    high.image(MASKED, "defaced_mask.nii.gz").unlink()
    high.seal()

    assert (Check.MASK, "mask") in high.found()


def test_masks_are_where_the_release_says(high: MiniRelease) -> None:
    said = b'"faces": "removed", "masks": "not released"'
    path = high.release / "dataset.json"
    high.rewrite(path, lambda content: content.replace(b'"faces": "removed"', said))
    assert high.found() == {(Check.MASK, "mask")}

    for mask in high.release.rglob("defaced_mask.nii.gz"):
        mask.unlink()
    high.seal()
    assert high.found() == high.found(with_source=True) == set()


def test_a_whole_series_that_says_it_is_defaced(high: MiniRelease) -> None:
    path = high.release / "P001" / "M00" / "session.json"

    high.rewrite(path, lambda content: content.replace(b'"not a head"', b'"defaced"'))

    assert (Check.MASK, "state") in high.found()


def test_a_series_that_keeps_its_face_in_a_release_without_faces(high: MiniRelease) -> None:
    path = high.release / "P001" / "M00" / "session.json"

    high.rewrite(path, lambda content: content.replace(b'"not a head"', b'"released"'))

    assert (Check.MASK, "state") in high.found()
