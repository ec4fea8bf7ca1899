"""Files beside images: JSON sidecars, gradients, summaries and tables of a release."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from deidflow.resources import load_yaml
from deidflow.verifier.findings import Check, Mark
from deidflow.verifier.suspicion import strange_words, suspicions_in
from deidflow.verifier.tree import SESSION

_PET_FIELDS = ("TimeZero", "ScanStart", "InjectionStart", "SUVbwFactor")
_OWN_FIELDS = frozenset(("DeidentificationMethod", *_PET_FIELDS))
_WORD_FIELDS = frozenset(("SeriesDescription", "ProtocolName"))
_VERSIONS = frozenset(("SoftwareVersions", "ConversionSoftwareVersion"))
_BUILDS = frozenset(("deidflow", "tools"))
_GRADIENTS = re.compile(r"[\s0-9eE+\-.,naif]*")
_SUMMARY_KEYS = frozenset(
    ("session", "series", "modality", "state", "reason", "instances", "incomplete",
     "overlay_bits_cleared", "by_person", "days_since", "text_in_pixels")
)  # fmt: skip
_SUMMARY_WORD = re.compile(
    r"[a-z]+(?:[ -][a-z]+)*|[MN]\d{2,}[a-z]{0,2}|[A-Z]{2,8}|\d{3,}[a-z]{0,2}-[A-Z]{2,8}"
)
_SESSION = re.compile(SESSION)
_DATASET_KEYS = frozenset(
    ("name", "deidflow", "release_id", "project", "level", "profile", "standard", "codes", "faces",
     "tools", "de-identified", "notes", "review", "final", "faces_replaced_by",
     "patient_id", "uids", "masks")
)  # fmt: skip


def sidecar_marks(content: bytes, *, is_ours: bool, more: frozenset[str]) -> Iterator[Mark]:
    """What a JSON sidecar holds that it must not; `more` are words that descriptions may hold."""
    loaded = _loaded(content)
    if not isinstance(loaded, dict):
        yield Mark(
            Check.SIDECAR,
            "content",
            "is not a JSON object",
        )
        return

    for key, value in loaded.items():
        if key not in _listed_fields():
            name = key if _is_plain_key(key) else "key"
            yield Mark(
                Check.SIDECAR,
                name,
                "is not a field that may stay",
            )
        for text in _texts(value):
            yield from _text_marks(
                Check.SIDECAR,
                _shown(key),
                text,
                build=key in _VERSIONS,
            )
            if is_ours and key in _WORD_FIELDS and strange_words(text, more):
                words = "has a word outside the vocabulary of acquisition"
                yield Mark(
                    Check.SIDECAR,
                    key,
                    words,
                )


def gradient_marks(content: bytes) -> Iterator[Mark]:
    """Whether a .bval or .bvec file holds more than numbers."""
    if not _GRADIENTS.fullmatch(content.decode("latin-1")):
        yield Mark(
            Check.SIDECAR,
            "content",
            "holds more than numbers",
        )


def summary_marks(content: bytes) -> Iterator[Mark]:
    """What a session.json holds beside states, codes, labels and counts."""
    loaded = _loaded(content)
    if not isinstance(loaded, dict) or not isinstance(loaded.get("series"), list):
        yield Mark(
            Check.TABLE,
            "content",
            "is not a session's summary",
        )
        return

    for key, value in _pairs(loaded):
        if key not in _SUMMARY_KEYS:
            yield Mark(
                Check.TABLE,
                _shown(key),
                "is not a field of a session's summary",
            )
        pattern = _SESSION if key == "session" else _SUMMARY_WORD
        if isinstance(value, str) and not pattern.fullmatch(value):
            yield Mark(
                Check.TABLE,
                _shown(key),
                "holds something else than a code",
            )


def dataset_marks(content: bytes) -> Iterator[Mark]:
    """What dataset.json holds that it must not."""
    loaded = _loaded(content)
    if not isinstance(loaded, dict):
        yield Mark(
            Check.TABLE,
            "content",
            "is not a JSON object",
        )
        return

    for key, value in loaded.items():
        if key not in _DATASET_KEYS:
            yield Mark(
                Check.TABLE,
                _shown(key),
                "is not a field of dataset.json",
            )
        for text in _texts(value):
            yield from _text_marks(
                Check.TABLE,
                _shown(key),
                text,
                build=key in _BUILDS,
            )


def text_marks(content: bytes) -> Iterator[Mark]:
    """What a table or another text file holds that looks as if it came from a person."""
    for line in content.decode("utf-8", "replace").splitlines():
        yield from _text_marks(
            Check.TEXT,
            "content",
            line,
        )


def states_of(content: bytes) -> dict[str, str]:
    """The state of each series by a session.json; empty for one that cannot be read."""
    loaded = _loaded(content)
    if not isinstance(loaded, dict):
        return {}
    rows = loaded.get("series", [])
    return {str(row.get("series")): str(row.get("state")) for row in rows if isinstance(row, dict)}


def subject_marks(content: bytes, counts: Mapping[str, Counter[str]]) -> Iterator[Mark]:
    """Whether subjects.tsv counts what is there; `counts` are those that were met, by subject."""
    rows = subject_rows(content)
    for subject, met in sorted(counts.items()):
        series = sum(key.startswith("series ") for key in met)
        if rows.get(subject) != (met["sessions"], series, met["instances"]):
            yield Mark(
                Check.TABLE,
                "counts",
                "differ from what is in the release",
            )

    if counts and rows.keys() - counts.keys():
        yield Mark(
            Check.TABLE,
            "subject",
            "is not in the release",
        )


def subject_rows(content: bytes) -> dict[str, tuple[int, int, int]]:
    """Sessions, series and instances per subject by subjects.tsv, without odd rows."""
    rows: dict[str, tuple[int, int, int]] = {}
    lines = content.decode("utf-8", "replace").splitlines()
    for line in lines[1:]:
        cells = line.split("\t")
        if len(cells) >= 5 and all(cell.isdigit() for cell in cells[1:5]):
            rows[cells[0]] = int(cells[1]), int(cells[2]), int(cells[4])
    return rows


def _text_marks(check: Check, name: str, text: str, *, build: bool = False) -> Iterator[Mark]:
    for suspicion in sorted(suspicions_in(text, build=build)):
        yield Mark(
            check,
            name,
            f"looks like {suspicion.value}",
        )


def _loaded(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, keys inside it too."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value


def _pairs(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Every key of a JSON value with what it holds."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _pairs(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _pairs(inner, key)
    if key:
        yield key, value


def _is_plain_key(key: str) -> bool:
    return key.isascii() and key.isidentifier() and not suspicions_in(key)


def _shown(key: str) -> str:
    return key if _is_plain_key(key) else "key"


@lru_cache(maxsize=1)
def _listed_fields() -> frozenset[str]:
    lists = load_yaml("standard/sidecar_fields.yaml")
    return _OWN_FIELDS | {name for names in lists.values() for name in names}
