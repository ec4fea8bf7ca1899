"""Raw data of scanners: files outside DICOM, and norms and list-mode data of PET as objects."""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from pathlib import Path, PurePath

from deidflow.dicom.file_values import values_in
from deidflow.dicom.instance import Instance
from deidflow.dicom.structure import scan
from deidflow.resources import load_yaml, words_under

_DATA = "standard/raw_data.yaml"
_CSA_TYPES = frozenset((0x00291008, 0x00291108, 0x00291208))
"""CSA Image Header Type in each block that Siemens uses."""
_PAYLOAD_GROUP = 0x7FE10000
_BLOCKS = range(0x1000, 0x1400, 0x100)
_LOWS = (0x00, 0x10, 0x11)
_PAYLOADS = frozenset(_PAYLOAD_GROUP | block | low for block in _BLOCKS for low in _LOWS)
"""Where Siemens puts raw data, whichever block was free."""


class RawKind(Enum):
    """What raw data of PET are."""

    NORM = "norm"
    LIST = "list"
    OTHER = "other"
    UNKNOWN = "unknown"
    """The object does not say."""


def is_raw_file(path: str, head: bytes) -> bool:
    """Whether a file that is not DICOM holds raw data, by its suffix, or describes them."""
    if head.lstrip()[:32].upper().startswith(_text("interfile").encode()):
        return True
    return PurePath(path).suffix.lower() in _words("suffixes")


@lru_cache(maxsize=1)
def raw_classes() -> frozenset[str]:
    """SOP Class UIDs of objects that can be raw data."""
    return frozenset(load_yaml(_DATA)["classes"])


def raw_kind(instance: Instance, path: Path) -> RawKind:
    """What an object of such a class is, by its image type or its CSA header."""
    words = set(instance.image_type.upper().split("\\"))
    words |= _csa_types(path)
    words.discard("")
    for kind in (RawKind.NORM, RawKind.LIST):
        if words & _words(kind.value):
            return kind
    return RawKind.UNKNOWN if words <= _words("silent") else RawKind.OTHER


def payloads(content: bytes) -> dict[int, bytes]:
    """Tag -> value of the elements that hold raw data; raises Withheld for a broken file."""
    values = scan(memoryview(content), _PAYLOADS).values
    return {tag: value for tag, value in values.items() if tag in _PAYLOADS and value}


def _csa_types(path: Path) -> set[str]:
    values = values_in(path, _CSA_TYPES)
    texts = [values[tag].decode("latin-1") for tag in _CSA_TYPES if tag in values]
    return {text.strip(" \0").upper() for text in texts}


def _words(key: str) -> frozenset[str]:
    return words_under(_DATA, key)


def _text(key: str) -> str:
    text: str = load_yaml(_DATA)[key]
    return text
