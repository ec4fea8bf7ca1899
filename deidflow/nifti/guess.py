"""dcm2niix's guess at a BIDS name, as far as it consists of words of BIDS (BIDS 1.11)."""

from __future__ import annotations

import re

SUFFIXES: dict[str, frozenset[str]] = {
    "anat": frozenset(
        (
            "T1w",
            "T2w",
            "FLAIR",
            "T2starw",
            "PDw",
            "UNIT1",
            "angio",
            "inplaneT1",
            "inplaneT2",
            "MEGRE",
            "MP2RAGE",
            "T1map",
            "T2map",
        )
    ),
    "func": frozenset(("bold", "sbref", "cbv")),
    "dwi": frozenset(("dwi", "sbref")),
    "fmap": frozenset(
        (
            "epi",
            "phasediff",
            "phase1",
            "phase2",
            "magnitude",
            "magnitude1",
            "magnitude2",
            "fieldmap",
        )
    ),
    "perf": frozenset(("asl", "m0scan")),
    "pet": frozenset(("pet",)),
    "ct": frozenset(("ct",)),
}
"""Suffixes by data type."""
_ENTITY = re.compile(r"dir-(?:AP|PA|LR|RL|IS|SI)|echo-\d{1,2}|part-(?:mag|phase|real|imag)")


def closed_guess(value: object) -> list[str]:
    """`["func", "_dir-AP_bold"]` of `["func", "_acq-EPI_dir-AP_run-4_bold"]`; empty for no such.

    What dcm2niix took from texts of the header goes: the names of sequence and task.
    """
    if not isinstance(value, list) or len(value) != 2:
        return []
    datatype, stem = map(str, value)
    *entities, suffix = stem.split("_")
    if suffix not in SUFFIXES.get(datatype, ()):
        return []

    kept = [entity for entity in entities if _ENTITY.fullmatch(entity)]
    return [datatype, "_".join(("", *kept, suffix))]
