"""Reconstruct: the released series of a session, staged: DICOM from header and stored pixels, NIfTI beside it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom

from deidflow.dicom.geometry import Plane, planes
from deidflow.errors import Withheld
from deidflow.face.mask import WorldMask
from deidflow.face.template import Template, load_template
from deidflow.header.profile import Profile
from deidflow.header.uids import UidMap
from deidflow.identity.workorder import SeriesOrder, SessionOrder, WorkOrder, read_order
from deidflow.release.layout import slice_names
from deidflow.steps.anonymize import header_name
from deidflow.steps.common import SeriesResult, guarded, is_withheld
from deidflow.steps.masked import MaskedSeries
from deidflow.steps.revisions import Revisions, new_uids
from deidflow.steps.whole import release_whole
from deidflow.store.files import remove_tree, write_json_atomic
from deidflow.store.scratch import make_readable

VERSION = "1"


@dataclass(frozen=True)
class Inputs:
    """Where the outputs of the earlier steps lie, and what they found."""

    headers: str
    converted: str
    anonymized: dict[str, Any]
    conversion: dict[str, Any]
    deface: dict[str, Any] | None
    template: str
    profile: Profile
    revisions: Revisions
    sessions: dict[str, str]
    """Folder of the headers of each of the subject's sessions."""


def reconstruct_session(
    order_path: str, label: str, scratch: str, masks: str, log: str, inputs: Inputs
) -> dict[str, Any]:
    """Write every series that may be released into `scratch`, and its masks into the vault's `masks`."""
    order = read_order(Path(order_path))
    session = order.session(label)
    template = load_template(Path(inputs.template)) if inputs.deface else None
    uids = UidMap(bytes.fromhex(order.uid_key), order.uid_root)
    renewed = new_uids(inputs.revisions, {label: Path(one) for label, one in inputs.sessions.items()}, uids)
    builder = _Builder(order, session, inputs, template, renewed, Path(scratch), Path(masks), Path(log))
    remove_tree(Path(masks))
    Path(masks).mkdir(parents=True)
    results = {series.name: builder.series(series) for series in session.series}
    if any(not is_withheld(result) for result in results.values()):
        write_json_atomic(Path(scratch) / "session.json", _summary(session, results), 0o644, indent=2)
    make_readable(Path(scratch))
    return {"series": results}


def _summary(session: SessionOrder, results: dict[str, SeriesResult]) -> dict[str, Any]:
    """What recipients may know of a session: series with their states, and what was withheld and why."""
    rows = []
    for series in session.series:
        result = results[series.name]
        row = {"series": series.name, "modality": series.modality, "state": result["state"]}
        if is_withheld(result):
            rows.append(row | {"reason": result["reason"]})
        else:
            rows.append(row | {"instances": len(series.files), "incomplete": series.incomplete})
    return {"session": session.label, "series": rows}


@dataclass(frozen=True)
class _Builder:
    order: WorkOrder
    session: SessionOrder
    inputs: Inputs
    template: Template | None
    """Loaded once for all series; None where faces stay."""
    uids: Mapping[str, str]
    """Instance UIDs that are exchanged: series that were published with another mask."""
    scratch: Path
    masks: Path
    log: Path

    def series(self, series: SeriesOrder) -> SeriesResult:
        """Build one series, or say why it is withheld; nothing of a withheld series stays staged."""
        for outcome in (self.inputs.anonymized, self.inputs.conversion, self.inputs.deface):
            if outcome is not None and is_withheld(outcome["series"].get(series.name)):
                held: SeriesResult = outcome["series"][series.name]
                return held
        folder = self.scratch / series.name
        template, deface = self.template, self.inputs.deface
        if template is None or deface is None:
            result = guarded(lambda: self._whole(series, folder))
        else:
            result = guarded(lambda: self._masked(series, folder, template, deface))
        if is_withheld(result):
            remove_tree(folder)
        return result

    def _headers(self, series: SeriesOrder) -> list[Path]:
        folder = Path(self.inputs.headers) / series.name
        return [folder / header_name(number) for number in range(1, len(series.files) + 1)]

    def _whole(self, series: SeriesOrder, folder: Path) -> SeriesResult:
        headers = self._headers(series)
        names = _spatial_names(headers)
        release_whole(self.order, series.files, headers, [folder / "dicom" / name for name in names], self.log.parent)
        for image in sorted((Path(self.inputs.converted) / series.name).iterdir()):
            shutil.copyfile(image, folder / image.name)
        return {"state": "released", "instances": len(headers)}

    def _masked(self, series: SeriesOrder, folder: Path, template: Template, deface: dict[str, Any]) -> SeriesResult:
        fate = deface["series"][series.name]
        mask = WorldMask(template, np.array(deface["affine"]), fate["margin_mm"])
        headers = self._headers(series)
        masked = MaskedSeries(
            mask,
            self.order,
            folder,
            self.masks / f"{series.name}.npz",
            self.log,
            self.inputs.profile,
            self.uids,
        )
        removed = masked.build(series, headers, _spatial_names(headers))
        return {"state": fate["state"], "instances": len(headers), "removed": removed}


def _spatial_names(headers: Sequence[Path]) -> list[str]:
    """Slice names in the order of the work order: along row x column, then by volume."""
    keys = [_spatial_key(path, number) for number, path in enumerate(headers)]
    order = sorted(range(len(keys)), key=lambda index: keys[index])
    names = slice_names(len(keys))
    return [name for _, name in sorted(zip(order, names, strict=True))]


def _spatial_key(path: Path, number: int) -> tuple[Any, ...]:
    header = pydicom.dcmread(path)
    try:
        first: Plane = planes(header)[0]
    except Withheld:
        return ((9.0,), 0.0, number)
    direction = tuple(np.round(first.normal, 2).tolist())
    return (direction, round(first.height, 3), number)
