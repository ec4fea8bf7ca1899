"""Names that others gave an image: dcm2niix's guess, and ReproIn in the description."""

from __future__ import annotations

import re
from collections.abc import Sequence

from deidflow.bids.names import ENTITIES, BidsName, Facts
from deidflow.nifti.guess import bids_suffixes

_REPROIN = re.compile(
    r"(?P<type>anat|func|dwi|fmap|perf|pet)(?:-(?P<suffix>[A-Za-z0-9]+))?"
    r"(?P<rest>(?:_[A-Za-z0-9]+-[A-Za-z0-9]+)*)"
)
_PAIR = re.compile(r"([a-z]+)-([A-Za-z0-9]+)")
_DEFAULT_SUFFIX = {"func": "bold", "dwi": "dwi", "pet": "pet", "perf": "asl"}
_GUESSED = ("dir", "echo", "inv", "part", "task")
"""Entities that are taken from a guess; the rest is of the sequence, or numbered anew."""


def guessed_name(guess: Sequence[str]) -> BidsName | None:
    """dcm2niix's BidsGuess, `["anat", "_acq-tfl3_run-4_T1w"]`, without its run."""
    if len(guess) != 2:
        return None
    datatype, stem = guess
    suffix = stem.rpartition("_")[2]
    if suffix not in bids_suffixes().get(datatype, ()):
        return None

    entities = {}
    for key, label in _PAIR.findall(stem):
        if key in _GUESSED:
            entities[key] = label
    return BidsName(
        datatype,
        suffix,
        entities,
    )


def reproin_name(facts: Facts) -> BidsName | None:
    """A name by the ReproIn convention in the description: `func_task-rest_run-01`, `anat-T1w`.

    A suffix that is not written follows from the image, as ReproIn has it.
    """
    for word in facts.text.split():
        match = _REPROIN.match(word)
        if match is None or not (match["suffix"] or match["rest"]):
            continue
        datatype = match["type"]
        entities = _entities(match["rest"])
        suffix = match["suffix"] or _suffix(
            datatype,
            entities,
            facts,
        )
        if word.lower().endswith("_sbref") and datatype in ("func", "dwi"):
            suffix = "sbref"
        if suffix in bids_suffixes()[datatype]:
            return BidsName(
                datatype,
                suffix,
                entities,
            )

    return None


def _suffix(datatype: str, entities: dict[str, str], facts: Facts) -> str:
    if datatype != "fmap":
        return _DEFAULT_SUFFIX.get(datatype, "")
    if "dir" in entities or facts.direction:
        return "epi"
    if "P" in facts.image_type or "_ph" in facts.output:
        return "phasediff"
    echo = re.search(r"_e([12])$", facts.output)
    return f"magnitude{echo[1]}" if echo is not None else "magnitude"


def _entities(text: str) -> dict[str, str]:
    """Entities of BIDS in `_task-rest_run-01`, without the run."""
    entities = dict(_PAIR.findall(text))
    entities.pop("run", None)
    return {key: entities[key] for key in ENTITIES if key in entities}
