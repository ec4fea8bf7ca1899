"""UIDs that a de-identification made: under a root that was named, or one that no scanner uses."""

from __future__ import annotations

import re
from collections.abc import Sequence

UUID_ROOT = "2.25"
_UUID_UID = re.compile(r"2\.25\.(?:0|[1-9]\d{0,38})")
_OF_TOOLS = re.compile(
    r"1\.2\.826\.0\.1\.3680043\.8\.498\.[\d.]+"  # pydicom
    r"|1\.2\.826\.0\.1\.3680043\.2\.1143\.[\d.]+"  # GDCM
    r"|2\.\d{36,62}"  # dicognito
)
_SUFFIX = re.compile(r"\.(?:dcm|dicom|ima|nii|nii\.gz|json)$", re.IGNORECASE)


def is_new_uid(uid: str, roots: Sequence[str], *, of_a_tool: bool = False) -> bool:
    """Whether a UID was made anew (PS3.5 annex B.2, or another root).

    `of_a_tool`: in a folder of another tool, for which no root was named, those of well-known
    libraries count too; no scanner writes them.
    """
    if uid.startswith(f"{UUID_ROOT}."):
        return UUID_ROOT in roots and _is_of_uuid(uid)
    is_root_named = tuple(roots) != (UUID_ROOT,)
    if of_a_tool and not is_root_named:
        return _OF_TOOLS.fullmatch(uid) is not None
    return any(uid.startswith(f"{root}.") for root in roots)


def _is_of_uuid(uid: str) -> bool:
    """Whether a UID is a number of 128 bits below 2.25, written without leading zeros."""
    if _UUID_UID.fullmatch(uid) is None:
        return False
    number = uid.rpartition(".")[2]
    return int(number) < 1 << 128


def is_named_by_uid(part: str, roots: Sequence[str]) -> bool:
    """Whether a part of a path is nothing but a new UID, as tools name folders and files."""
    return is_new_uid(
        _SUFFIX.sub("", part),
        roots,
        of_a_tool=True,
    )
