"""The paragraph for a paper or an ethics file."""

from __future__ import annotations

import statistics

from deidflow.header.load_profile import NAMES, load_profile
from deidflow.report.facts import ReleaseFacts
from deidflow.report.pages import counted
from deidflow.verdicts import Verdict


def methods_paragraph(facts: ReleaseFacts) -> str:
    """What was done, with versions and counts, as plain text."""
    dataset = facts.dataset
    tools = ", ".join(f"{name} {version}" for name, version in dataset.tools)
    sentences = [
        f"Images were de-identified with deidflow {dataset.version} ({tools}), project "
        f"{dataset.project}, level {dataset.level}.",
        _headers(facts),
        _dates(dataset.profile_name),
        _faces(facts),
        _checks(facts),
        "The release is pseudonymous: the key that links subjects to persons is kept in a vault "
        "apart from the release.",
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _headers(facts: ReleaseFacts) -> str:
    dataset = facts.dataset
    if not dataset.is_deidentified:
        return (
            f"Headers were changed by the profile '{dataset.profile_name}', which keeps "
            "identifiers on purpose and is not de-identification by DICOM PS3.15."
        )
    codes = "; ".join(dataset.codes)
    return (
        f"Headers were cleaned in every nested sequence by the profile '{dataset.profile_name}' "
        f"({dataset.standard}; {codes}), UIDs replaced by keyed hashes so that references stay "
        "intact, and private elements removed but for a list of physical quantities."
    )


def _dates(profile_name: str) -> str:
    """What became of dates; empty for a profile that is not one of ours."""
    if profile_name not in NAMES:
        return ""
    profile = load_profile(profile_name)
    sentence = _DATES[profile.dates.mode]
    if profile.binned:
        return f"{sentence} Age, weight and size were floored to steps."
    return sentence


_DATES = {
    "shift": "Dates were moved into the past by a secret number of whole days per patient.",
    "clock": "Every study starts at 1900-01-01 00:00:00 and keeps its internal intervals.",
    "remove": "Dates and times were removed.",
    "timepoint": "Dates and times were removed, and the time point written instead.",
    "keep": "Dates and times were kept.",
}


def _faces(facts: ReleaseFacts) -> str:
    if facts.dataset.faces != "removed":
        return "Faces were not removed."

    masked = [series for series in facts.released_series() if series.margin_mm is not None]
    measured = [series.figures.get("agreement_mm") for series in masked]
    agreements = [value for value in measured if value is not None]
    if not agreements:
        return "Faces are removed; no released series needed it."

    middle = statistics.median(agreements)
    carried = len(masked) - len(agreements)

    return (
        f"Faces were removed from {len(masked)} series: {len(agreements)} by registration to the "
        "average head of pydeface, accepted only where two independent registrations agreed within "
        f"8 mm at the face (median {middle:.1f} mm) and features of the head passed fixed "
        f"thresholds, and {carried} by a rigid motion from such a series of the same session. "
        "Stored values outside the mask are identical to the scanner's."
    )


def _checks(facts: ReleaseFacts) -> str:
    counts = facts.counts
    published = list(facts.published())
    people = counted(
        len({session.subject for session in published}),
        "subject",
    )
    sessions = counted(len(published), "session")
    return (
        f"Of {counts.files} files found, {counts.of(Verdict.RELEASED)} were released "
        f"({people}, {sessions}), {counts.of(Verdict.QUARANTINED)} were "
        f"held in quarantine and {counts.of(Verdict.FAILED)} failed; every staged byte was read "
        "again by separate code and searched for identifiers of all patients before it was "
        "published."
    )
