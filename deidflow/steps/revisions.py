"""New instance UIDs for series whose face was removed again with another mask: other pixels are another instance."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pydicom
from pydicom.multival import MultiValue

from deidflow.header.uids import UidMap
from deidflow.store.files import digest_of, read_json

Revisions = dict[str, dict[str, int]]
"""Session label -> series -> how often it was published with another mask before."""


def mask_keys(deface: Mapping[str, Any], template: str, fill: float | None) -> dict[str, str]:
    """Series -> a hash of all that its mask and what is written into it depend on."""
    masked = {name: fate["mask"] for name, fate in deface["series"].items() if "mask" in fate}
    return {name: digest_of([mask, template, fill]) for name, mask in masked.items()}


def revised(keys: Mapping[str, str], published: Path) -> dict[str, dict[str, Any]]:
    """Series -> key and revision, one more than published where the mask is another one."""
    known = read_json(published) or {}
    rows = {}
    for name, key in keys.items():
        old = known.get(name)
        number = 0 if old is None else old["revision"] + (old["key"] != key)
        rows[name] = {"key": key, "revision": number}
    return rows


def new_uids(revisions: Revisions, folders: Mapping[str, Path], uids: UidMap) -> dict[str, str]:
    """Instance UID as the headers have it -> the revised one; `folders` hold the headers of each session."""
    found = {}
    for label, series in revisions.items():
        for name, number in series.items():
            for path in sorted((folders[label] / name).glob("*.dcm")) if number else ():
                uid = str(pydicom.dcmread(path, specific_tags=["SOPInstanceUID"]).SOPInstanceUID)
                found[uid] = uids.revised(uid, number)
    return found


def renumber(header: Any, uids: Mapping[str, str]) -> None:
    """Exchange instance UIDs in a header, references in sequences too."""
    waiting = [header] if uids else []
    while waiting:
        level = waiting.pop()
        for tag in list(level.keys()):
            element = level[tag]
            if element.VR == "SQ":
                waiting += list(element.value)
            elif element.VR == "UI" and isinstance(element.value, (list, MultiValue)):
                element.value = [uids.get(str(one), str(one)) for one in element.value]
            elif element.VR == "UI":
                element.value = uids.get(str(element.value), str(element.value or ""))
