"""Files of a release beside DICOM, accounted for byte by byte, by their names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from deidflow.checks.json_files import check_summary, hits_in_json
from deidflow.checks.leaks import Hit, LeakSearch
from deidflow.checks.nifti_files import hits_in_nifti
from deidflow.checks.words import readable

_SUMMARY = "session.json"
_GRADIENTS = (".bval", ".bvec")
_NUMBERS = re.compile(r"[\s0-9eE+\-.,naif]*")


def hits_in(path: Path, search: LeakSearch) -> Iterator[Hit]:
    """Identifiers in a file that is not DICOM.

    Raises ValueError for a file that is not what its name promises.
    """
    content = path.read_bytes()
    if path.name.endswith(".nii.gz"):
        yield from hits_in_nifti(content, search)
    elif path.name == _SUMMARY:
        summary = json.loads(content)
        check_summary(summary)
    elif path.suffix == ".json":
        sidecar = json.loads(content)
        yield from hits_in_json("", sidecar, search)
    elif path.suffix in _GRADIENTS:
        _check_numbers(content)
    else:
        runs = readable(content)
        yield from search.binary("content", runs)


def _check_numbers(content: bytes) -> None:
    text = content.decode("ascii")
    if not _NUMBERS.fullmatch(text):
        raise ValueError("gradients hold more than numbers")
