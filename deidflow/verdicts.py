"""Verdicts on files, and their reasons: the words of every table that deidflow prints."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """The one verdict of each file found; their counts add up to the files found."""

    RELEASED = "released"
    DUPLICATE = "duplicate"
    SKIPPED = "skipped"
    EXCLUDED = "excluded"
    QUARANTINED = "quarantined"
    FAILED = "failed"


class Reason(StrEnum):
    """Why a file or series got its verdict: a stable code, and words without identifiers.

    `Reason(code)` is the reason with this code.
    """

    words: str

    def __new__(cls, code: str, words: str = "") -> Reason:
        """A member is its code; `words` is the sentence for people."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.words = words
        return member

    # discover: what kind of file
    EMPTY_FILE = "empty-file", "the file is empty"
    NOT_DICOM = "not-dicom", "not a DICOM file"
    ARCHIVE = "archive", "an archive or compressed file, which is not opened"
    ARCHIVE_UNPACKED = "archive-unpacked", "an archive, whose members are counted one by one"
    ARCHIVE_ENCRYPTED = "archive-encrypted", "a member of an archive is encrypted; unpack it first"
    ARCHIVE_BROKEN = "archive-broken", "the archive, or this member of it, is broken"
    ARCHIVE_PATH = "archive-path", "the name of a member leads out of its archive"
    ARCHIVE_METHOD = (
        "archive-method",
        "a member of an archive is compressed in a way that is not read, such as Deflate64; "
        "pack the archive again",
    )
    ARCHIVE_NOT_REGULAR = "archive-not-regular", "a link or device in an archive, not a file"
    ARCHIVE_NESTED = (
        "archive-nested",
        "an archive in an archive is not opened; unpack the outer one",
    )
    ARCHIVE_MEMBERS = "archive-members", "the archive has more members than the limit"
    ARCHIVE_MEMBER_SIZE = "archive-member-size", "a member of an archive is larger than the limit"
    ARCHIVE_RATIO = "archive-ratio", "it unpacks to far more than is there: an archive bomb"
    ARCHIVE_TOTAL = "archive-total", "the archive unpacks to more than there is room for"
    DICOMDIR = "dicomdir", "a DICOMDIR: a table of contents, not an image"
    WORKING_FOLDER = "working-folder", "a working folder of deidflow, whose files are not read"
    NO_MARK = "no-dicm-mark", "looks like DICOM but lacks the DICM mark"
    UNREADABLE = "unreadable", "the file cannot be read"
    MALFORMED = "malformed", "the structure of the file is broken"
    TRUNCATED = "truncated", "the file ends before its data does"
    TOO_DEEP = "too-deep", "sequences are nested deeper than the limit"
    TOO_MANY_ELEMENTS = "too-many-elements", "more elements than the limit"
    TOO_LARGE = "too-large", "pixel data or inflated size beyond the limit"
    PIXEL_LENGTH = "pixel-length", "the pixel data do not fit rows, columns and frames"
    PIXEL_ENCODING = "pixel-encoding", "the pixel data are not encoded as the transfer syntax says"
    UNKNOWN_SYNTAX = "unknown-transfer-syntax", "the transfer syntax is not known"
    READER_DIED = "reader-died", "the reading process died on this file"
    MISSING_UID = "missing-uid", "a SOP class, study, series or instance UID is missing"
    # discover: which object
    COPY = "identical-copy", "an identical copy of another file"
    CONFLICTING_COPIES = "conflicting-copies", "different files share one SOP Instance UID"
    OTHER_PERSON = (
        "other-person",
        "another person has this PatientID: name and birth date or sex differ; "
        "correct the ID at the source",
    )
    MANIFEST_PERSON = (
        "manifest-person",
        "the manifest gives its subject to files of another person: name and birth date, sex or "
        "PatientID differ; correct the manifest",
    )
    MANIFEST_CATEGORY = (
        "manifest-category",
        "it is not what the manifest's category says; correct the manifest",
    )
    MIXED_PATIENTS = "mixed-patients", "its study or series mostly belongs to another patient"
    LEFT_OUT = "left-out", "not among the modalities, body parts and series that are asked for"
    NO_CONSENT = "no-consent", "its patient is not on the consent list"
    CONSENT_AMBIGUOUS = (
        "consent-ambiguous",
        "the consent list does not tell for certain whether its patient is meant; "
        "correct the list or the header: one ID, name and birth date per person",
    )
    CONSENT_WITHDRAWN = "consent-withdrawn", "its patient has withdrawn consent"
    NOT_SELECTED = "not-selected", "not among the selected subjects"
    CLASS_EXCLUDED = "class-excluded", "this kind of object is excluded by policy"
    RAW_DATA = (
        "raw-data",
        "raw data of a scanner, such as a sinogram or list-mode file, which are not released",
    )
    RAW_STRIPPED = "raw-stripped", "without its private elements nothing of these raw data is left"
    RAW_TEXT = "raw-text", "fields of a patient are in the middle of these raw data"
    CLASS_UNKNOWN = "class-unknown", "this kind of object is not known"
    REPORT_NOT_CLEANED = (
        "report-not-cleaned",
        "a structured report, and the profile lacks the option clean_structured_content",
    )
    MAY_CARRY_TEXT = "may-carry-text", "this kind of image often carries burned-in text"
    BURNED_IN = "burned-in-annotation", "the header says that text is burned in"
    SECONDARY = "secondary-image", "the image type suggests a screenshot or page with text"
    NO_GEOMETRY = "no-geometry", "the image has no position or orientation"
    OUTLINE = "outline", "a report with an outline of many points, which may be that of a face"
    NO_PIXELS = "no-pixels", "an image object without pixel data"
    PALETTE = "palette-color", "a palette colour image cannot be masked"
    PROJECTION = "projection", "a projection shows the face whatever lies in its plane"
    EMBEDDED_OVERLAY = (
        "embedded-overlay",
        "bits of the pixels outside the stored values hold something, such as an overlay",
    )
    # text in pixels
    TEXT_OF_PATIENT = "burned-in-identifier", "the pixels show an identifier of the patient"
    TEXT_UNKNOWN = "burned-in-text", "the pixels show text that is not known to be harmless"
    MAY_SHOW_FACE = (
        "may-show-face",
        "an image without a place in the patient may show a face, which cannot be masked",
    )
    # steps
    CONVERT_FAILED = "convert-failed", "dcm2niix made no image of this series"
    NO_DECODER = "no-decoder", "the compressed pixel data cannot be decoded"
    MOSAIC_TILES = "mosaic-tiles", "the tiles of a mosaic cannot be located"
    NO_HEAD_REGISTERED = (
        "no-head-registered",
        "no head of this session passed the registration gate",
    )
    GATE_AGREEMENT = "gate-agreement", "the two registrations do not agree"
    GATE_FEATURES = "gate-features", "the registration does not look like a head"
    GATE_BRAIN = "gate-brain", "the mask would change the subject's brain"
    NOT_CARRIED = "not-carried", "the mask of the session cannot be carried to this series"
    PARTS_APART = (
        "parts-apart",
        "stacks or volumes of this series show the head in different places",
    )
    FACE_COPIED = (
        "face-copied",
        "the face is seen once more at more places outside the mask than can be emptied",
    )
    ENGINE_MASK = (
        "engine-mask",
        "the mask of the chosen engine does not take the face, or takes brain",
    )
    SKIP_REFUSED = "skip-refused", "a rule spares this series, but the image may show a head"
    SIBLING_HELD = "sibling-held", "a head of the same session could not be defaced"
    TAKEN_FOR_HEAD = (
        "taken-for-head",
        "a person says that it is not a head, but the gate finds one in it",
    )
    ANOTHER_PATIENT = (
        "another-patient",
        "an attribute that is kept holds a name or number of another patient",
    )
    WITHHELD_BY_PERSON = (
        "withheld-by-person",
        "somebody who looked at it withheld it; undo the decision with deidflow review",
    )
    LEAK_FOUND = "leak-found", "the check found an identifier in the staged files"
    PIXELS_DIFFER = "pixels-differ", "the check found stored values that differ outside the mask"
    CHECK_FAILED = "check-failed", "the staged files are not what they should be"
    CHILD_DIED = "process-died", "the working process died"
    OUT_OF_MEMORY = "out-of-memory", "the working process reached its memory limit"
    NO_PERMISSION = (
        "no-permission",
        "permission was denied; check the owner and mode of source, release and vault",
    )
    NAME_TOO_LONG = (
        "name-too-long",
        "a path is longer than the file system takes; give release and vault shorter ones",
    )
    REFUSED_BY_SYSTEM = (
        "refused-by-system",
        "the system refused to read or write a file; check the disk and run again",
    )
    UNDECODABLE = "undecodable", "data in the files cannot be decoded; export the series again"
    TOOL_FAILED = (
        "tool-failed",
        "a program that deidflow calls failed; its output is in the vault's tools.log",
    )
    LIBRARY_FAILED = (
        "library-failed",
        "an imaging library failed on this series; its output is in the vault's tools.log",
    )
    NO_RESULT = (
        "no-result",
        "the work on the subject ended without a result; run again, or see the vault's tools.log",
    )
    UNEXPECTED = "unexpected-error", "an unexpected error"
    OUTPUT_MISSING = "output-missing", "its output is not where it was written; run again"
    SOURCE_CHANGED = "source-changed", "a source file changed or vanished during the run"
    UNREACHABLE = "place-away", "the place of the files does not answer"
    STOPPED = "stopped", "the run was stopped"


UNRECORDED = frozenset((Reason.NO_CONSENT, Reason.CONSENT_WITHDRAWN))
"""Reasons for which files are counted, and not even their paths recorded."""
