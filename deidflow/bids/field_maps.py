"""Field maps: which images belong together, and for which images each map is.

A map is magnitude and phase of a gradient echo, or the EPI images of one or two directions. In a
session the parts of one map follow each other, so a part that comes again starts the next map.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from operator import attrgetter

from deidflow.bids.named import Named, Visit, nearest
from deidflow.bids.names import BidsName
from deidflow.nifti.sidecar import JSON

_CORRECTED = ("func", "dwi")
"""Data types whose images a field map is for."""
_GRADIENT_ECHO = "gre"
_EPI = "pepolar"
_MAGNITUDES = frozenset(("magnitude", "magnitude1", "magnitude2"))
_ECHO_TIMES = {"magnitude1": "EchoTime1", "magnitude2": "EchoTime2"}
"""Fields of a phase difference, by the magnitudes whose echo times they are."""
_WHOLE_PHASES = frozenset(("phasediff", "fieldmap"))
_PHASE_PAIR = frozenset(("phase1", "phase2"))


@dataclass(frozen=True)
class FieldMap:
    """The images of one map."""

    family: str
    parts: tuple[Named, ...]

    @property
    def first(self) -> Named:
        """The part that was taken first."""
        return self.parts[0]

    @property
    def order(self) -> tuple[object, ...]:
        """That of its first part."""
        return self.first.order

    @property
    def is_complete(self) -> bool:
        """Whether there is a magnitude and a phase; an EPI image needs no other."""
        if self.family == _EPI:
            return True

        suffixes = set()
        for part in self.parts:
            suffixes.add(part.name.suffix)
        if not suffixes & _MAGNITUDES:
            return False
        if suffixes & _WHOLE_PHASES:
            return True
        return suffixes >= _PHASE_PAIR

    def with_echo_times(self) -> FieldMap:
        """The map with the echo times of its magnitudes in the sidecar of its phase difference."""
        times: dict[str, JSON] = {}
        for part in self.parts:
            field = _ECHO_TIMES.get(part.name.suffix)
            time = part.sidecar.get("EchoTime")
            if field is not None and time is not None:
                times[field] = time

        parts = []
        for part in self.parts:
            if part.name.suffix == "phasediff":
                sidecar = {**times, **part.sidecar}
                part = replace(part, sidecar=sidecar)
            parts.append(part)
        return replace(self, parts=tuple(parts))


def is_part(entry: Named) -> bool:
    """Whether an image is a part of a field map."""
    return entry.name.datatype == "fmap"


def with_phase_pairs(named: Sequence[Named]) -> list[Named]:
    """Two phase images of one series are no differences: they become `phase1` and `phase2`."""
    pairs: defaultdict[object, list[Named]] = defaultdict(list)
    for entry in named:
        if is_part(entry) and entry.name.suffix == "phasediff":
            pairs[entry.image.series].append(entry)

    paired = []
    for entry in named:
        pair = pairs.get(entry.image.series, ())
        if entry in pair and len(pair) == 2:
            number = pair.index(entry) + 1
            name = BidsName(
                "fmap",
                f"phase{number}",
                entry.name.entities,
            )
            entry = replace(entry, name=name)
        paired.append(entry)
    return paired


def field_maps(named: Iterable[Named]) -> list[FieldMap]:
    """The parts of field maps among the images, by session and in the order of series."""
    maps: defaultdict[tuple[object, ...], list[list[Named]]] = defaultdict(list)
    entries = filter(is_part, named)
    for entry in sorted(entries, key=attrgetter("order")):
        kind = _map_kind(entry)
        begun = maps[kind]
        if not begun or _is_there(entry, begun[-1]):
            begun.append([])
        last = begun[-1]
        last.append(entry)

    found = []
    for parts in chain.from_iterable(maps.values()):
        family = _family(parts[0])
        field_map = FieldMap(family, tuple(parts))
        timed = field_map.with_echo_times()
        found.append(timed)
    return found


def _is_there(entry: Named, others: Iterable[Named]) -> bool:
    """Whether a map has the part already that an image would be."""
    return any(_is_same_part(entry, other) for other in others)


def _family(entry: Named) -> str:
    return _EPI if entry.name.suffix == "epi" else _GRADIENT_ECHO


def _map_kind(entry: Named) -> tuple[object, ...]:
    """What the parts of one map have in common; EPI images of other slices are another map."""
    family = _family(entry)
    slices = entry.grid.slices if family == _EPI else ()
    label = entry.name.entities.get("acq", "")
    return entry.visit, family, label, slices


def _is_same_part(entry: Named, other: Named) -> bool:
    ours = entry.name
    theirs = other.name
    if ours.suffix != theirs.suffix:
        return False

    has_direction = ours.entities.get("dir") == theirs.entities.get("dir")
    has_part = ours.entities.get("part") == theirs.entities.get("part")
    return has_direction and has_part


def with_runs_and_identifiers(maps: Sequence[FieldMap]) -> list[FieldMap]:
    """Number the maps of a kind in a session, their parts alike, and identify each."""
    alike: defaultdict[tuple[Visit, str, str], list[FieldMap]] = defaultdict(list)
    for field_map in sorted(maps, key=attrgetter("order")):
        first = field_map.first
        label = first.name.entities.get("acq", "")
        kind = first.visit, field_map.family, label
        alike[kind].append(field_map)

    numbered = []
    for kind, group in alike.items():
        (_, session), family, label = kind
        for run, field_map in enumerate(group, 1):
            identifier = f"b0map{session}{family}{label}{run}"
            runs = {"run": str(run)} if len(group) > 1 else {}
            identified = _identified(field_map, identifier, runs)
            numbered.append(identified)
    return numbered


def _identified(field_map: FieldMap, identifier: str, runs: Mapping[str, str]) -> FieldMap:
    parts = []
    for part in field_map.parts:
        name = part.name.having(**runs)
        identified = replace(part, name=name, field_map=identifier)
        parts.append(identified)
    return replace(field_map, parts=tuple(parts))


def with_maps_assigned(named: Sequence[Named], maps: Sequence[FieldMap]) -> list[Named]:
    """Say of each functional and diffusion image which map of each family is for it."""
    by_visit: defaultdict[Visit, list[FieldMap]] = defaultdict(list)
    for field_map in maps:
        by_visit[field_map.first.visit].append(field_map)

    assigned = []
    for entry in named:
        if entry.name.datatype in _CORRECTED:
            chosen = _maps_for(entry, by_visit[entry.visit])
            entry = replace(entry, corrected_by=tuple(chosen))
        assigned.append(entry)
    return assigned


def _maps_for(entry: Named, maps: Sequence[FieldMap]) -> list[str]:
    """Identifiers of the maps for an image, at most one of each family.

    The last one before the image, else the first after it; for EPI, one of the same slices if there
    is any, since a site may take a map for each kind of series.
    """
    chosen = []
    for family in (_EPI, _GRADIENT_ECHO):
        candidates = []
        for field_map in maps:
            if field_map.family == family:
                candidates.append(field_map)

        same = [field_map for field_map in candidates if _has_slices_of(entry, field_map)]
        if family == _EPI and same:
            candidates = same
        if candidates:
            field_map = nearest(entry, candidates)
            chosen.append(field_map.first.field_map)
    return chosen


def _has_slices_of(entry: Named, field_map: FieldMap) -> bool:
    slices = entry.grid.slices
    return all(part.grid.slices == slices for part in field_map.parts)
