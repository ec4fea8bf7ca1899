"""What several steps need: source files read and checked, and the end of a withheld series."""

from __future__ import annotations

import hashlib
import io
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pydicom

from deidflow.errors import DeidflowError, Withheld
from deidflow.identity.workorder import FileOrder, SeriesOrder, SessionOrder, WorkOrder
from deidflow.steps.results import Held
from deidflow.store.faults import reason_of
from deidflow.verdicts import Reason

Row = TypeVar("Row")


def read_content(order: WorkOrder, file: FileOrder) -> bytes:
    """The bytes of a source file. Raises Withheld where they are not those of the inventory."""
    content = (Path(order.source) / file.path).read_bytes()
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise Withheld(Reason.SOURCE_CHANGED)
    return content


def read_source(order: WorkOrder, file: FileOrder, *, pixels: bool) -> Any:
    """The data set of a source file."""
    return parsed(read_content(order, file), pixels=pixels)


def parsed(content: bytes, *, pixels: bool) -> Any:
    """The data set of the bytes of a file."""
    return pydicom.dcmread(
        io.BytesIO(content),
        stop_before_pixels=not pixels,
    )


def each_series(session: SessionOrder, work: Callable[[SeriesOrder], Row]) -> dict[str, Row | Held]:
    """Do the work for every series; one that is withheld does not stop the others."""
    return {series.name: guarded(partial(work, series)) for series in session.series}


def guarded(work: Callable[[], Row]) -> Row | Held:
    """The result of a series; what its data break is withheld, what the machine lacks is raised."""
    try:
        return work()
    except Withheld as error:
        return Held(error.reason, error.detail)
    except (MemoryError, OSError, DeidflowError):
        raise
    except Exception as error:  # noqa: BLE001 - a library may raise anything on a bad file
        traceback.print_exc()
        return Held(reason_of(error), type(error).__name__)


def nifti_masks(masks: Path) -> Path:
    """Where the vault keeps the NIfTI masks of a series, by the file of its packed masks."""
    return masks.with_suffix("")
