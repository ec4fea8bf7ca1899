"""The page that is shared with the release: nothing on it can be joined to a value of the source.

It says what the release's own files say, counts of files, and gate figures rounded so far that two
releases of the same scan cannot be joined by them.
"""

from __future__ import annotations

from dataclasses import dataclass

from deidflow.errors import ConfigError
from deidflow.header.load_profile import NAMES, load_profile
from deidflow.header.profile import Profile
from deidflow.header.profile_table import Explained, explain
from deidflow.report.facts import Counts, Dataset, ReleaseFacts, SubjectFacts
from deidflow.report.flow_chart import FlowChart, flow_chart
from deidflow.report.gate_chart import FigureRow, figure_rows
from deidflow.report.pages import render_page, thousands
from deidflow.report.words import Limit, limits_of
from deidflow.store.files import digest_of
from deidflow.verdicts import Verdict

MOST_DETAILED_SUBJECTS = 300
"""A release of more subjects is listed subject by subject instead of series by series."""


@dataclass(frozen=True)
class KeyFigure:
    """One number of the page's head."""

    title: str
    value: int
    more: str = ""


@dataclass(frozen=True)
class SharedPage:
    """What the template of the shared page is filled with."""

    dataset: Dataset
    counts: Counts
    chart: FlowChart
    lead: str
    keys: tuple[KeyFigure, ...]
    subjects: tuple[SubjectFacts, ...]
    detailed: bool
    states_note: str
    gates: tuple[FigureRow, ...]
    profile_rows: tuple[Explained, ...]
    profile_note: str
    limits: tuple[Limit, ...]


def shared_page(facts: ReleaseFacts, profile: str = "") -> str:
    """The HTML of RELEASE/report/index.html.

    `profile` names a site's profile file, where the release was not made with one of ours.
    """
    dataset = facts.dataset
    subjects = tuple(subject for subject in facts.subjects if subject.published)
    rows, note = _profile_table(dataset, profile)
    page = SharedPage(
        dataset=dataset,
        counts=facts.counts,
        chart=flow_chart(facts.counts),
        lead=_lead(dataset),
        keys=key_figures(facts),
        subjects=subjects,
        detailed=len(subjects) <= MOST_DETAILED_SUBJECTS,
        states_note=_states_note(dataset),
        gates=figure_rows(facts.released_series(), coarse=True),
        profile_rows=rows,
        profile_note=note,
        limits=limits_of(dataset.level),
    )

    return render_page(
        "shared.html.j2",
        page=page,
        withdrawn=facts.withdrawn,
    )


def key_figures(facts: ReleaseFacts) -> tuple[KeyFigure, ...]:
    """The numbers at the head of a page."""
    counts = facts.counts
    published = list(facts.published())
    people = {session.subject for session in published}
    series = sum(len(session.released) for session in published)
    instances = sum(subject.instances for subject in facts.subjects)
    found = f"of {thousands(counts.files)}"

    return (
        KeyFigure("subjects", len(people)),
        KeyFigure("sessions", len(published)),
        KeyFigure("series", series),
        KeyFigure("instances", instances),
        KeyFigure(
            "files released",
            counts.of(Verdict.RELEASED),
            found,
        ),
        KeyFigure(
            "files in quarantine",
            counts.of(Verdict.QUARANTINED),
        ),
        KeyFigure(
            "files failed",
            counts.of(Verdict.FAILED),
        ),
    )


def _lead(dataset: Dataset) -> str:
    if not dataset.is_deidentified:
        return (
            "Headers were changed by a profile that keeps identifiers on purpose: "
            "this release is pseudonymous at best, and not de-identified by PS3.15."
        )
    faces = "faces are removed" if dataset.faces == "removed" else "faces are kept"
    return (
        f"Headers are de-identified by DICOM PS3.15 at level {dataset.level}, {faces}, and every "
        "byte was read again before it was published. The release is pseudonymous: "
        "the holder of the vault can re-identify."
    )


def _states_note(dataset: Dataset) -> str:
    if dataset.faces != "removed":
        return "Pixels are released as they are."
    return (
        "Every stored value outside the mask is the scanner's, bit by bit. 'No face in view' and "
        "'already defaced' are masked all the same."
    )


def _profile_table(dataset: Dataset, file: str) -> tuple[tuple[Explained, ...], str]:
    """The table of the profile in use, and how sure it is that it is the one in use."""
    try:
        profile = load_profile(file or dataset.profile_name)
    except ConfigError:
        note = "The release was made with a profile of the site, whose table is not at hand here."
        return (), note

    rows = tuple(_without_own_words(row) for row in explain(profile))
    if _is_in_use(profile, dataset):
        return rows, "The table is the program's input, not a description of it."
    note = (
        "The run changed this profile by its settings, or used another version of it: "
        "the table shows the profile as it stands now."
    )
    return rows, note


def _is_in_use(profile: Profile, dataset: Dataset) -> bool:
    return digest_of(profile.model_dump(mode="json")) == dataset.profile_digest


def _without_own_words(row: Explained) -> Explained:
    """The row without words that a site wrote: they might name somebody."""
    if row.reason in _our_reasons() or row.reason.startswith("option "):
        return row
    return Explained(
        row.tag,
        row.attribute,
        row.code,
        row.action,
        "a rule of the site",
    )


def _our_reasons() -> frozenset[str]:
    reasons = {"", "the profile keeps what it does not name"}
    for name in NAMES:
        reasons |= {deviation.reason for deviation in load_profile(name).deviations}
    return frozenset(reasons)
