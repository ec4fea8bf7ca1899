"""Inspect: the pixels of each series read for text, as they would go out."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pydicom

from deidflow.burned.devices import DATA as RULES
from deidflow.burned.devices import DeviceRules, Treatment, load_rules
from deidflow.burned.faceless import shows_no_face
from deidflow.burned.installed import reader_versions, reads
from deidflow.burned.reader import SETTINGS, TextLine
from deidflow.burned.rectangles import Rectangle
from deidflow.burned.series import Frame, Manner, SeriesText, frames_of, read_series
from deidflow.burned.wording import DATA as HARMLESS
from deidflow.burned.wording import PAGE, VOLUME, Meaning, meaning_of
from deidflow.dicom.instance import frame_count
from deidflow.errors import Withheld
from deidflow.header.profile import Profile
from deidflow.identity.cleaner import scrubber_for
from deidflow.identity.workorder import SeriesOrder, SessionOrder, WorkOrder
from deidflow.release.measures import NO_MEASURES
from deidflow.steps.common import guarded, read_content, read_source
from deidflow.steps.results import InspectedSeries, InspectResult
from deidflow.steps.step import Step, StepJob
from deidflow.store.files import write_json_atomic
from deidflow.verdicts import Reason


def inspect_session(job: StepJob) -> InspectResult:
    """Read the text in every series; what was read of a series that is withheld stays in the vault,
    as `<series>.json` with its places."""
    order, session = job.read_order()
    inspection = Inspection(
        order=order,
        profile=job.profile,
        rules=load_rules(job.settings.burned_in.rules),
        defacing=job.settings.defacing,
        scratch=job.scratch,
        reading=reads(job.settings.burned_in),
        asked=_asked(job, session),
    )
    series = {}
    for row in session.series:
        series[row.name] = guarded(partial(inspection.series, row))
    return InspectResult(series)


@dataclass(frozen=True)
class JudgedLine:
    """A line that holds a series back."""

    line: TextLine
    meaning: Meaning


@dataclass(frozen=True)
class Inspection:
    """Reads the series of one subject; `scratch` is a private folder."""

    order: WorkOrder
    profile: Profile
    rules: DeviceRules
    defacing: bool
    scratch: Path
    reading: bool = True
    asked: Mapping[str, tuple[Rectangle, ...]] = field(default_factory=dict)
    """Series -> rectangles that a person drew who looked at it."""

    def series(self, series: SeriesOrder) -> InspectedSeries:
        """What becomes of a series; raises Withheld where its pixels say something of a person."""
        if series.is_object:
            return InspectedSeries()
        headers = [read_source(self.order, file, pixels=False) for file in series.files]
        if not all("Rows" in header for header in headers):
            return InspectedSeries()

        asked = self.asked.get(series.name, ())
        treatments = [self.rules.treatment(header).with_rectangles(asked) for header in headers]
        if not self.reading:
            return InspectedSeries(rectangles=_blanked(treatments))

        text = self._read(series, headers, treatments)
        self._refuse_text(series, text, treatments)
        if self._may_show_face(series, headers, text, treatments):
            raise Withheld(Reason.MAY_SHOW_FACE)

        rectangles = _blanked(treatments)
        return InspectedSeries(
            images=text.images,
            is_clean=bool(series.text_doubt or rectangles),
            rectangles=rectangles,
            rules=_names(treatments),
        )

    def _read(
        self, series: SeriesOrder, headers: Sequence[Any], treatments: Sequence[Treatment]
    ) -> SeriesText:
        is_doubtful = series.text_doubt or any(treatment.rectangles for treatment in treatments)
        manner = Manner.EACH if is_doubtful else Manner.PROJECTION
        counts = [frame_count(str(header.get("NumberOfFrames") or "")) for header in headers]
        frames = self._frames(series, counts, treatments)
        return read_series(frames, sum(counts), manner)

    def _frames(
        self, series: SeriesOrder, counts: Sequence[int], treatments: Sequence[Treatment]
    ) -> Iterator[Frame]:
        first = 0
        rows = zip(series.files, counts, treatments, strict=True)
        for file, count, treatment in rows:
            content = read_content(self.order, file)
            source = pydicom.dcmread(io.BytesIO(content))
            yield from frames_of(source, treatment.rectangles, first, self.scratch)
            first += count

    def _refuse_text(
        self, series: SeriesOrder, text: SeriesText, treatments: Sequence[Treatment]
    ) -> None:
        """Raise Withheld for the patient's own identifiers first, then for text nobody knows."""
        scrubber = scrubber_for(self.order, self.profile)
        around = PAGE if series.text_doubt else VOLUME
        texts = {text for treatment in treatments for text in treatment.texts}
        judged = []
        for line in text.lines:
            meaning = meaning_of(line, scrubber, around, texts)
            if meaning is not Meaning.HARMLESS:
                judged.append(JudgedLine(line, meaning))
        if not judged:
            return

        self._keep(series, judged)
        is_own = any(row.meaning is Meaning.OWN for row in judged)
        reason = Reason.TEXT_OF_PATIENT if is_own else Reason.TEXT_UNKNOWN
        raise Withheld(reason, _places(judged))

    def _keep(self, series: SeriesOrder, judged: Sequence[JudgedLine]) -> None:
        rows = [asdict(row.line) | {"meaning": row.meaning.value} for row in judged]
        path = self.scratch / f"{series.name}.json"
        write_json_atomic(path, rows, indent=2)

    def _may_show_face(
        self,
        series: SeriesOrder,
        headers: Sequence[Any],
        text: SeriesText,
        treatments: Sequence[Treatment],
    ) -> bool:
        """Whether faces must go, and the series could show one that nobody can mask."""
        if not self.defacing or not series.is_picture or text.is_page:
            return False
        images = zip(headers, treatments, strict=True)
        return not all(treatment.faceless or shows_no_face(header) for header, treatment in images)


def _blanked(treatments: Sequence[Treatment]) -> tuple[tuple[Rectangle, ...], ...]:
    """The rectangles of each instance; none where nothing is blanked."""
    rectangles = tuple(treatment.rectangles for treatment in treatments)
    return rectangles if any(rectangles) else ()


def _asked(job: StepJob, session: SessionOrder) -> dict[str, tuple[Rectangle, ...]]:
    """What people drew on series that are as they were then."""
    asked = {}
    for series in session.series:
        measures = job.measures.get(series.name, NO_MEASURES).for_source(series.source_digest)
        if measures.rectangles:
            drawn = [Rectangle(**asdict(rectangle)) for rectangle in measures.rectangles]
            asked[series.name] = tuple(drawn)
    return asked


def _places(judged: Sequence[JudgedLine]) -> str:
    """Where the text is, without what it says."""
    first = judged[0].line
    bottom = first.top + first.rows
    right = first.left + first.columns
    more = f", and {len(judged) - 1} more" if len(judged) > 1 else ""
    return f"rows {first.top} to {bottom}, columns {first.left} to {right}{more}"


def _names(treatments: Sequence[Treatment]) -> tuple[str, ...]:
    names = {name for treatment in treatments for name in treatment.rules}
    return tuple(sorted(names))


def _key(job: StepJob) -> list[Any]:
    rules = load_rules(job.settings.burned_in.rules)
    _, session = job.read_order()
    asked = {
        series: [asdict(rectangle) for rectangle in rectangles]
        for series, rectangles in _asked(job, session).items()
    }
    return [
        job.content,
        job.profile.name,
        job.profile.search,
        job.settings.defacing,
        rules.digest,
        reads(job.settings.burned_in),
        SETTINGS,
        reader_versions(),
        asked,
    ]


def _applies(job: StepJob) -> bool:
    """Where text is read, and where a person asks for rectangles that need no reading."""
    is_asked = any(measures.rectangles for measures in job.measures.values())
    return is_asked or reads(job.settings.burned_in)


INSPECT = Step(
    name="inspect",
    needs=(),
    key=_key,
    work=inspect_session,
    result=InspectResult,
    tools=("pydicom", "SimpleITK", "numpy"),
    data=(
        RULES,
        HARMLESS,
        "vocabulary/acquisition.yaml",
        "vocabulary/romanisation.yaml",
        "standard/body_parts.yaml",
        "standard/image_signals.yaml",
    ),
    applies=_applies,
)
