"""Arterial spin labelling as BIDS: what each volume is, and which calibration is for which run.

BIDS 1.11, "Arterial Spin Labeling perfusion data". Only a site knows what its volumes are: scanners
do not write it in words that dcm2niix passes on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from deidflow.bids.kinds import kind_of
from deidflow.bids.named import Named, Visit, nearest
from deidflow.nifti.sidecar import JSON

_ONCE = frozenset(("m0scan", "noRF"))
"""Volumes that lead a run; those after them come again and again."""
_FROM_CONTEXT = ("M0Type", "TotalAcquiredPairs")
"""Fields that follow once the volumes are known."""
_PER_VOLUME = (
    "PostLabelingDelay",
    "LabelingDuration",
    "RepetitionTimePreparation",
    "EchoTime",
    "FlipAngle",
)
"""Fields that hold a number, or one for each volume."""


def is_run(entry: Named) -> bool:
    """Whether an image is an ASL run."""
    return entry.name.suffix == "asl"


def is_calibration(entry: Named) -> bool:
    """Whether an image is an M0 scan of its own."""
    return entry.name.suffix == "m0scan"


def volume_types(entry: Named) -> tuple[str, ...]:
    """What each volume of an ASL run is; empty where its context does not fit the volumes.

    What follows the leading `m0scan` and `noRF` is repeated to the end.
    """
    context = entry.context
    leading = 0
    while leading < len(context) and context[leading] in _ONCE:
        leading += 1

    repeated = context[leading:]
    others = entry.image.facts.volumes - leading
    if not repeated:
        return context if others == 0 else ()
    if others < len(repeated) or others % len(repeated):
        return ()
    return context[:leading] + repeated * (others // len(repeated))


def with_labelling(named: Sequence[Named]) -> list[Named]:
    """Runs with the fields that follow from their volumes and their session.

    The pairs are counted, M0 is where it is found, and labelling is prepared once per repetition
    unless the sidecar says otherwise.
    """
    prepared = list(map(_prepared, named))
    calibrated = set()
    for entry in prepared:
        if is_calibration(entry) and not lacking_labelling(entry):
            calibrated.add(entry.visit)

    completed = []
    for entry in prepared:
        if is_run(entry):
            has_calibration = entry.visit in calibrated
            known = _of_volumes(volume_types(entry), has_calibration=has_calibration)
            entry = replace(entry, sidecar={**known, **entry.sidecar})
        completed.append(entry)
    return completed


def _prepared(entry: Named) -> Named:
    """An image of labelling with the time between preparations."""
    repetition = entry.sidecar.get("RepetitionTime")
    if entry.name.datatype != "perf" or repetition is None:
        return entry
    sidecar = {"RepetitionTimePreparation": repetition, **entry.sidecar}
    return replace(entry, sidecar=sidecar)


def _of_volumes(types: Sequence[str], *, has_calibration: bool) -> dict[str, JSON]:
    if not types:
        return {}
    fields: dict[str, JSON] = {}
    pairs = min(types.count("control"), types.count("label"))
    if pairs:
        fields["TotalAcquiredPairs"] = pairs

    if "m0scan" in types:
        fields["M0Type"] = "Included"
    elif has_calibration:
        fields["M0Type"] = "Separate"
    else:
        fields["M0Type"] = "Absent"
    return fields


def lacking_labelling(entry: Named) -> list[str]:
    """Fields that BIDS requires of an image of labelling and its sidecar lacks."""
    if entry.name.datatype != "perf":
        return []
    lacking = kind_of(entry.name).lacking(entry.sidecar)
    for field in _needed(entry.sidecar, is_run=is_run(entry)):
        if field not in entry.sidecar:
            lacking.append(field)
    if not is_run(entry) or volume_types(entry):
        return lacking
    return [field for field in lacking if field not in _FROM_CONTEXT]


def _needed(fields: Mapping[str, JSON], *, is_run: bool) -> list[str]:
    needed = []
    if fields.get("MRAcquisitionType") == "2D":
        needed.append("SliceTiming")
    if not is_run:
        return needed

    kind = fields.get("ArterialSpinLabelingType")
    if kind in ("CASL", "PCASL"):
        needed.append("LabelingDuration")
    if kind == "PASL":
        needed.append("BolusCutOffFlag")
    if kind == "PASL" and fields.get("BolusCutOffFlag") is True:
        needed += ["BolusCutOffDelayTime", "BolusCutOffTechnique"]
    if fields.get("M0Type") == "Estimate":
        needed.append("M0Estimate")
    return needed


def wrong_labelling(entry: Named) -> str:
    """What of an ASL run contradicts its volumes; empty for nothing."""
    if not is_run(entry):
        return ""
    if not entry.context:
        return "asl needs what its volumes are: 'context' in a rule of the site"
    types = volume_types(entry)
    if not types:
        return "its context does not fit the volumes of the image"
    if types.count("control") != types.count("label"):
        return "its context has more controls than labels, or fewer"
    if (entry.sidecar["M0Type"] == "Included") != ("m0scan" in types):
        return "M0Type contradicts its context"

    for field in _PER_VOLUME:
        values = entry.sidecar.get(field)
        if isinstance(values, list) and len(values) != len(types):
            return f"{field} has not one value per volume"
    return ""


def lonely_calibrations(named: Sequence[Named]) -> list[Named]:
    """Calibrations of no run; BIDS requires that one says what it is for."""
    used = [calibration for _, calibration in _calibrated(named)]
    return [entry for entry in named if is_calibration(entry) and entry not in used]


def with_calibrations(named: Sequence[Named]) -> list[Named]:
    """Images with their final names, each calibration with the runs that it is for."""
    runs: defaultdict[str, list[str]] = defaultdict(list)
    for run, calibration in _calibrated(named):
        runs[calibration.place].append(run.place)

    assigned = []
    for entry in named:
        of_entry = tuple(runs[entry.place]) if is_calibration(entry) else ()
        assigned.append(replace(entry, calibrates=of_entry))
    return assigned


def _calibrated(named: Sequence[Named]) -> Iterator[tuple[Named, Named]]:
    """Runs whose M0 is separate, each with the last calibration before it, else the next."""
    calibrations: defaultdict[Visit, list[Named]] = defaultdict(list)
    for entry in named:
        if is_calibration(entry):
            calibrations[entry.visit].append(entry)

    for entry in named:
        of_visit = calibrations[entry.visit]
        if is_run(entry) and entry.sidecar["M0Type"] == "Separate" and of_visit:
            yield entry, nearest(entry, of_visit)
