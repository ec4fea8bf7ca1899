"""What several steps need: source files read and checked, contexts, results of one series."""

from __future__ import annotations

import hashlib
import io
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pydicom

from deidflow.errors import DeidflowError, Withheld
from deidflow.identity.workorder import FileOrder, SeriesOrder, SessionOrder, WorkOrder
from deidflow.store.faults import reason_of
from deidflow.verdicts import Reason

SeriesResult = dict[str, Any]
NOT_A_HEAD, SPARED = "not a head", "spared by a rule"
WHOLE = frozenset(("released", NOT_A_HEAD, SPARED))
"""States of series that keep all their pixels."""


def read_content(order: WorkOrder, file: FileOrder) -> bytes:
    """The bytes of a source file, which must still be those that were inventoried."""
    content = (Path(order.source) / file.path).read_bytes()
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise Withheld(Reason.SOURCE_CHANGED)
    return content


def read_source(
    order: WorkOrder, file: FileOrder, *, pixels: bool, only: Sequence[Any] | None = None
) -> Any:
    """The data set of a source file, or `only` some attributes of it."""
    tags = list(only) if only else None
    return pydicom.dcmread(
        io.BytesIO(read_content(order, file)), stop_before_pixels=not pixels, specific_tags=tags
    )


def each_series(
    session: SessionOrder, work: Callable[[SeriesOrder], SeriesResult]
) -> dict[str, SeriesResult]:
    """Do the work for every series; one that is withheld does not stop the others."""
    return {series.name: guarded(lambda series=series: work(series)) for series in session.series}  # type: ignore[misc]


def guarded(work: Callable[[], SeriesResult]) -> SeriesResult:
    """The result of one series; what its data break is withheld, what the machine lacks is raised."""
    try:
        return work()
    except Withheld as error:
        return withheld(error.reason, error.detail)
    except (MemoryError, OSError, DeidflowError):
        raise
    except Exception as error:
        traceback.print_exc()
        return withheld(reason_of(error), type(error).__name__)


def withheld(reason: Reason, detail: str = "") -> SeriesResult:
    """The result of a series that may not go on."""
    return {"state": "quarantined", "reason": str(reason.value), "detail": detail}


def is_withheld(result: SeriesResult | None) -> bool:
    """Whether an earlier step withheld the series."""
    return result is not None and result["state"] == "quarantined"
