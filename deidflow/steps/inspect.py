"""Inspect: the pixels of each series read for text, as they would go out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from deidflow.burned.devices import DATA as RULES
from deidflow.burned.devices import DeviceRules, load_rules
from deidflow.burned.faceless import ASKED, shows_no_face
from deidflow.burned.installed import reader_versions, reads
from deidflow.burned.reader import SETTINGS
from deidflow.burned.rectangles import Rectangle
from deidflow.burned.series import Frame, Manner, SeriesText, frames_of, read_series
from deidflow.burned.views import is_colour
from deidflow.burned.wording import DATA as HARMLESS
from deidflow.burned.wording import PAGE, VOLUME, Meaning, meaning_of
from deidflow.dicom.image_attributes import IMAGE_ATTRIBUTES
from deidflow.dicom.instance import frame_count
from deidflow.dicom.partial import AttributeReader, tags_of
from deidflow.errors import Withheld
from deidflow.header.profile import Profile
from deidflow.identity.cleaner import scrubber_for
from deidflow.identity.workorder import FileOrder, SeriesOrder, WorkOrder
from deidflow.steps.common import guarded, parsed, read_content, read_source
from deidflow.steps.inspected import asked_rectangles
from deidflow.steps.results import InspectedSeries, InspectResult
from deidflow.steps.step import Step, StepJob
from deidflow.steps.treated_images import JudgedLine, TreatedImage, blanked, places_of, rule_names
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
        asked=asked_rectangles(job, session),
    )
    series = {}
    for row in session.series:
        series[row.name] = guarded(partial(inspection.series, row))
    return InspectResult(series)


class _NoPixels(Exception):
    """An instance without an image."""


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

        try:
            return self._inspected(series)
        except _NoPixels:
            return InspectedSeries()

    def _inspected(self, series: SeriesOrder) -> InspectedSeries:
        images, text = self._volume(series)
        if text is None:
            images = self._treated(series)
        rectangles = blanked(images)
        if not self.reading:
            return InspectedSeries(rectangles=rectangles)

        if text is None:
            text = self._each_read(images)
        self._refuse_text(series, text, images)
        if self._may_show_face(series, text, images):
            raise Withheld(Reason.MAY_SHOW_FACE)
        return InspectedSeries(
            images=text.images,
            is_clean=bool(series.text_doubt or rectangles),
            rectangles=rectangles,
            rules=rule_names(images),
        )

    def _volume(self, series: SeriesOrder) -> tuple[list[TreatedImage], SeriesText | None]:
        """A series of which the projection is read, each file once.

        No text where each image must be read: one that may carry text, or in which a part is
        blanked.
        """
        if not self.reading or series.text_doubt or series.name in self.asked:
            return [], None

        images: list[TreatedImage] = []
        text = read_series(
            self._frames_until_blanked(series, images),
            len(series.files),
            Manner.PROJECTION,
        )
        if blanked(images):
            return [], None
        return images, text

    def _frames_until_blanked(
        self, series: SeriesOrder, images: list[TreatedImage]
    ) -> Iterator[Frame]:
        """The frames of a series; `images` gets what the rules say of their instances."""
        reader = AttributeReader(IMAGE_ATTRIBUTES | tags_of(*ASKED, *self.rules.keywords))
        for file in series.files:
            source = self._seen(reader, file)
            image = self._image(series, file, source)
            images.append(image)
            if image.treatment.rectangles:
                return
            yield from frames_of(
                source,
                (),
                0,
                self.scratch,
            )

    def _seen(self, reader: AttributeReader, file: FileOrder) -> Any:
        """The attributes of an image that are asked for; all of a coloured one, for its palette."""
        content = read_content(self.order, file)
        source = reader.read(content, pixels=True).attributes
        if "Rows" in source and is_colour(source):
            return parsed(content, pixels=True)
        return source

    def _treated(self, series: SeriesOrder) -> list[TreatedImage]:
        """What the rules say of each instance; raises _NoPixels where one has none."""
        images = []
        for file in series.files:
            header = read_source(
                self.order,
                file,
                pixels=False,
            )
            image = self._image(series, file, header)
            images.append(image)
        return images

    def _image(self, series: SeriesOrder, file: FileOrder, header: Any) -> TreatedImage:
        if "Rows" not in header:
            raise _NoPixels
        drawn = self.asked.get(series.name, ())
        treatment = self.rules.treatment(header)
        frames = header.get("NumberOfFrames") or ""
        return TreatedImage(
            file=file,
            frames=frame_count(str(frames)),
            treatment=treatment.with_rectangles(drawn),
            is_faceless=treatment.faceless or shows_no_face(header),
        )

    def _each_read(self, images: Sequence[TreatedImage]) -> SeriesText:
        count = sum(image.frames for image in images)
        return read_series(
            self._frames(images),
            count,
            Manner.EACH,
        )

    def _frames(self, images: Sequence[TreatedImage]) -> Iterator[Frame]:
        first = 0
        for image in images:
            source = read_source(
                self.order,
                image.file,
                pixels=True,
            )
            yield from frames_of(
                source,
                image.treatment.rectangles,
                first,
                self.scratch,
            )
            first += image.frames

    def _refuse_text(
        self, series: SeriesOrder, text: SeriesText, images: Sequence[TreatedImage]
    ) -> None:
        """Raise Withheld for the patient's own identifiers first, then for text nobody knows."""
        judged = self._judged(series, text, images)
        if not judged:
            return

        self._keep(series, judged)
        reason = Reason.TEXT_UNKNOWN
        for row in judged:
            if row.meaning is Meaning.OWN:
                reason = Reason.TEXT_OF_PATIENT
        raise Withheld(reason, places_of(judged))

    def _judged(
        self, series: SeriesOrder, text: SeriesText, images: Sequence[TreatedImage]
    ) -> list[JudgedLine]:
        """The lines that hold a series back."""
        scrubber = scrubber_for(self.order, self.profile)
        around = PAGE if series.text_doubt else VOLUME
        texts: set[str] = set()
        for image in images:
            texts.update(image.treatment.texts)

        judged = []
        for line in text.lines:
            meaning = meaning_of(
                line,
                scrubber,
                around,
                texts,
            )
            if meaning is not Meaning.HARMLESS:
                judged.append(JudgedLine(line, meaning))
        return judged

    def _keep(self, series: SeriesOrder, judged: Sequence[JudgedLine]) -> None:
        rows = []
        for judgement in judged:
            row = asdict(judgement.line)
            row["meaning"] = judgement.meaning.value
            rows.append(row)
        path = self.scratch / f"{series.name}.json"
        write_json_atomic(path, rows, indent=2)

    def _may_show_face(
        self, series: SeriesOrder, text: SeriesText, images: Sequence[TreatedImage]
    ) -> bool:
        """Whether faces must go, and the series could show one that nobody can mask."""
        if not self.defacing or not series.is_picture:
            return False
        if text.is_page:
            return False
        return not all(image.is_faceless for image in images)


def _key(job: StepJob) -> list[Any]:
    rules = load_rules(job.settings.burned_in.rules)
    _, session = job.read_order()
    asked = {
        series: [asdict(rectangle) for rectangle in rectangles]
        for series, rectangles in asked_rectangles(job, session).items()
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
    if reads(job.settings.burned_in):
        return True
    people = job.measures.values()
    return any(measures.rectangles for measures in people)


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
