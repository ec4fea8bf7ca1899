"""The BIDS names that a run's images would get: dcm2niix is asked, as a run asks it."""

from __future__ import annotations

import os
from collections.abc import Collection
from functools import partial
from pathlib import Path

from deidflow.bids.images import ReleasedImage, images_in
from deidflow.bids.plan import plan_names
from deidflow.header.profile import Profile
from deidflow.identity.workorder import read_order
from deidflow.run.plan import NamePlan
from deidflow.steps.common import guarded
from deidflow.steps.results import Held
from deidflow.steps.series_images import convert_series
from deidflow.store.files import remove_tree


def names_of_session(
    order_path: Path,
    label: str,
    withheld: Collection[str],
    scratch: Path,
    profile: Profile,
    table: Path | None,
) -> tuple[NamePlan, ...]:
    """Name the images of the series that would go out; what is converted for it is deleted again.

    Runs in a child process. Raises ConfigError for a table that is not valid.
    """
    order = read_order(order_path)
    converted = scratch / "names"
    images: list[ReleasedImage] = []

    try:
        for series in order.session(label).series:
            if series.name in withheld:
                continue
            convert = partial(
                convert_series,
                converted,
                Path(os.devnull),
                profile,
                order,
                series,
            )
            if not isinstance(guarded(convert), Held):
                images += images_in(order.pseudonym, label, converted / series.name)
        return _rows(images, table)
    finally:
        remove_tree(converted)


def _rows(images: list[ReleasedImage], table: Path | None) -> tuple[NamePlan, ...]:
    plan = plan_names(images, table)
    rows = []
    for entry in plan.named:
        name = f"{entry.name.datatype}/{entry.stem}.nii.gz"
        rows.append(_row(entry.image, name=name))
    for unnamed in plan.unnamed:
        rows.append(_row(unnamed.image, why=unnamed.why, line=unnamed.line))
    return tuple(rows)


def _row(image: ReleasedImage, name: str = "", why: str = "", line: str = "") -> NamePlan:
    return NamePlan(
        subject=image.subject,
        session=image.session,
        series=image.series.name,
        name=name,
        why=why,
        line=line,
    )
