"""Which image gets which name: runs numbered, required metadata present, the rest set apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from deidflow.bids.files import subject_label, visit_folder
from deidflow.bids.images import ReleasedImage
from deidflow.bids.names import BidsName
from deidflow.bids.naming import is_set_apart, line_to_add, name_of
from deidflow.bids.rules import load_rules

Visit = tuple[str, str]
"""Pseudonym and session label."""
NO_RULE = "no rule fits"
_REQUIRED: dict[str, tuple[str, ...]] = {
    "bold": ("RepetitionTime",),
    "epi": ("PhaseEncodingDirection", "TotalReadoutTime"),
    "phasediff": ("EchoTime1", "EchoTime2"),
    "phase1": ("EchoTime",),
    "phase2": ("EchoTime",),
    "fieldmap": ("Units",),
    "asl": (
        "MagneticFieldStrength",
        "MRAcquisitionType",
        "EchoTime",
        "ArterialSpinLabelingType",
        "PostLabelingDelay",
        "BackgroundSuppression",
        "M0Type",
        "TotalAcquiredPairs",
        "RepetitionTimePreparation",
    ),
    "m0scan": ("EchoTime", "RepetitionTimePreparation"),
    "pet": (
        "TracerName",
        "TracerRadionuclide",
        "InjectedRadioactivity",
        "InjectedRadioactivityUnits",
        "InjectedMass",
        "InjectedMassUnits",
        "SpecificRadioactivity",
        "SpecificRadioactivityUnits",
        "ModeOfAdministration",
        "TimeZero",
        "ScanStart",
        "InjectionStart",
        "FrameTimesStart",
        "FrameDuration",
        "Units",
    ),
}
"""Sidecar fields that BIDS requires, by suffix."""
_NO_CONTEXT = frozenset(("asl",))
"""Kinds that need a table which no release has: which volume is label and which control."""
_ACROSS_ECHOES = ("echo", "part", "run")


@dataclass(frozen=True)
class Named:
    """An image and its name."""

    image: ReleasedImage
    name: BidsName

    @property
    def visit(self) -> Visit:
        """Whose image it is, and of which session."""
        return self.image.subject, self.image.session

    @property
    def stem(self) -> str:
        """The file's name without its ending."""
        label = subject_label(self.image.subject)
        return self.name.stem(label, self.image.session)

    @property
    def folder(self) -> Path:
        """The folder of the image below the data set."""
        return visit_folder(*self.visit) / self.name.datatype

    @property
    def place(self) -> str:
        """The path of the image below the data set."""
        return str(self.folder / f"{self.stem}.nii.gz")


@dataclass(frozen=True)
class Unnamed:
    """An image without a name, why, and the line that would name it."""

    image: ReleasedImage
    why: str
    line: str


@dataclass(frozen=True)
class BidsPlan:
    """All images of a release."""

    named: tuple[Named, ...]
    unnamed: tuple[Unnamed, ...]


def plan_names(images: Iterable[ReleasedImage], table: Path | None = None) -> BidsPlan:
    """Name every image; `table` is a site's YAML list of rules. Raises ConfigError."""
    standard = load_rules(None)
    rules = load_rules(table)
    site = rules[: len(rules) - len(standard)]
    named: list[Named] = []
    unnamed: list[Unnamed] = []
    for image in images:
        name = name_of(image.facts, site, standard)
        if name is not None:
            why = _lack(name, image)
        elif is_set_apart(image.facts, rules):
            why = "a localizer, a derived image, or set apart by a rule"
        else:
            why = NO_RULE
        if name is None or why:
            unnamed.append(
                Unnamed(
                    image,
                    why,
                    line_to_add(image.facts),
                )
            )
        else:
            named.append(Named(image, name))

    kept, lonely = _with_company(_with_runs(named))
    return BidsPlan(tuple(kept), (*unnamed, *lonely))


def _lack(name: BidsName, image: ReleasedImage) -> str:
    """What BIDS requires of an image of this name and the release lacks; empty for nothing."""
    if name.suffix in _NO_CONTEXT:
        return f"{name.suffix} needs aslcontext.tsv, which a release does not have"
    fields = [field for field in _REQUIRED.get(name.suffix, ()) if field not in image.sidecar]
    if fields:
        return f"{name.suffix} needs {', '.join(fields)}"
    if name.suffix == "dwi" and not image.facts.has_gradients:
        return "dwi needs gradients"
    return ""


def _with_runs(named: Sequence[Named]) -> list[Named]:
    """Names with `run-` where several series of a session share one; echoes share a run."""
    groups: defaultdict[tuple[object, ...], list[Named]] = defaultdict(list)
    for entry in named:
        groups[_kind(entry)].append(entry)

    numbered: list[Named] = []
    for entries in groups.values():
        batches = _batches(entries)
        if len(batches) == 1:
            numbered += entries
            continue
        for number, batch in enumerate(batches, 1):
            for entry in batch:
                name = entry.name.having(run=str(number))
                numbered.append(Named(entry.image, name))
    return sorted(numbered, key=_order)


def _order(entry: Named) -> tuple[object, ...]:
    return entry.visit, entry.image.order


def _kind(entry: Named) -> tuple[object, ...]:
    """What images that need a run to be told apart have in common."""
    name = entry.name
    entities = []
    for key, label in sorted(name.entities.items()):
        if key not in _ACROSS_ECHOES:
            entities.append((key, label))
    return entry.visit, name.datatype, name.suffix, *entities


def _batches(entries: Sequence[Named]) -> list[list[Named]]:
    """Images that share a run: of one series with different echoes or parts."""
    batches: list[list[Named]] = []
    for entry in sorted(entries, key=_order):
        last = batches[-1] if batches else []
        if _share_a_run(entry, last):
            last.append(entry)
        else:
            batches.append([entry])
    return batches


def _share_a_run(entry: Named, others: Sequence[Named]) -> bool:
    if not others:
        return False
    if others[-1].image.series != entry.image.series:
        return False
    return all(entry.name != other.name for other in others)


def _with_company(named: Sequence[Named]) -> tuple[list[Named], list[Unnamed]]:
    """Field maps without a magnitude, or magnitudes without their phase, cannot stay in `fmap`."""
    kinds: defaultdict[Visit, set[str]] = defaultdict(set)
    for entry in named:
        kinds[entry.visit].add(entry.name.suffix)

    kept: list[Named] = []
    lonely: list[Unnamed] = []
    for entry in named:
        suffix = entry.name.suffix
        if _is_field_part(suffix) and not _is_complete(kinds[entry.visit]):
            why = f"{suffix} is alone: a field map needs magnitude and phase"
            line = line_to_add(entry.image.facts)
            lonely.append(Unnamed(entry.image, why, line))
        else:
            kept.append(entry)
    return kept, lonely


def _is_field_part(suffix: str) -> bool:
    return suffix.startswith(("magnitude", "phase"))


def _is_complete(kinds: Collection[str]) -> bool:
    has_magnitude = any(kind.startswith("magnitude") for kind in kinds)
    has_phase = any(kind.startswith(("phase", "fieldmap")) for kind in kinds)
    return has_magnitude and has_phase
