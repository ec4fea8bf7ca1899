"""Series folders of a release of ours: their state against what lies in them and what files say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from deidflow.verifier.claims import Claims
from deidflow.verifier.findings import Check, Mark
from deidflow.verifier.markers import Markers
from deidflow.verifier.table import CLEAN_FACES

MASKED = frozenset(("defaced", "no face in view", "already defaced"))
_WHOLE = frozenset(("released", "not a head", "spared by a rule"))
_KEEPS_FACE = "released"


def series_marks(parts: list[str], states: Mapping[str, str], claims: Claims) -> Iterator[Mark]:
    """Whether a file may lie where it lies; `parts` is its path below the release."""
    series, below = parts[2], parts[3]
    state = states.get(series)
    if state is None or state not in MASKED | _WHOLE:
        yield Mark(
            Check.TABLE,
            "session.json",
            "does not list the series as released",
        )
        return

    is_masked = below.startswith("defaced")
    if is_masked != (state in MASKED):
        yield Mark(
            Check.MASK,
            "state",
            "of the series contradicts its files",
        )

    if claims.faces_removed and state == _KEEPS_FACE:
        yield Mark(
            Check.MASK,
            "state",
            "keeps faces in a release without faces",
        )


def face_marks(parts: list[str], markers: Markers) -> Iterator[Mark]:
    """Whether an instance says that its face was removed exactly where it was."""
    is_masked = parts[3] == "defaced_dicom"
    if is_masked and CLEAN_FACES not in markers.codes:
        words = "lacks 113102 in a series whose face was removed"
        yield Mark(
            Check.MARKER,
            "DeidentificationMethodCodeSequence",
            words,
        )

    if not is_masked and CLEAN_FACES in markers.codes:
        words = "claims 113102 in a series that keeps all its pixels"
        yield Mark(
            Check.MARKER,
            "DeidentificationMethodCodeSequence",
            words,
        )

    if is_masked and markers.features != "NO":
        yield Mark(
            Check.MARKER,
            "RecognizableVisualFeatures",
            "is not NO",
        )


def patient_marks(parts: list[str], name: str, number: str, claims: Claims) -> Iterator[Mark]:
    """Whether an instance carries the pseudonym of the folder that it lies in.

    Or no PatientID, or another one, in a release that says so.
    """
    pseudonym = parts[0]
    expected_numbers = {"pseudonym": pseudonym, "empty": ""}
    if name != pseudonym:
        yield _not_the_pseudonym("PatientName")
    if number != expected_numbers.get(claims.patient_id, number):
        yield _not_the_pseudonym("PatientID")


def _not_the_pseudonym(attribute: str) -> Mark:
    return Mark(
        Check.PATIENT,
        attribute,
        "is not the pseudonym of its folder",
    )
