"""Reconstruct: the released series of a session, staged: DICOM from header and stored pixels, NIfTI beside it."""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom

from deidflow.dicom.geometry import Plane, planes
from deidflow.errors import Withheld
from deidflow.face.mask import Field, WorldMask, load_field
from deidflow.face.picture import save_sheet
from deidflow.face.template import Template, load_template
from deidflow.header.profile import Profile
from deidflow.header.uids import UidMap
from deidflow.identity.workorder import SeriesOrder, SessionOrder, WorkOrder, read_order
from deidflow.release.layout import slice_names
from deidflow.settings.face import DefaceSettings
from deidflow.steps.anonymize import header_name
from deidflow.steps.common import WHOLE, SeriesResult, guarded, is_withheld
from deidflow.steps.revisions import Revisions, new_uids
from deidflow.steps.series_masked import MaskedSeries
from deidflow.steps.series_whole import release_whole
from deidflow.store.files import remove_tree, write_json_atomic
from deidflow.store.scratch import make_readable


@dataclass(frozen=True)
class Inputs:
    """Where the outputs of the earlier steps lie, and what they found."""

    headers: str
    converted: str
    anonymized: dict[str, Any]
    conversion: dict[str, Any]
    deface: dict[str, Any] | None
    fields: str
    """Where the fields lie that masks name."""
    template: str
    settings: DefaceSettings
    review: str
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
    renewed = new_uids(
        inputs.revisions, {label: Path(one) for label, one in inputs.sessions.items()}, uids
    )
    builder = _Builder(
        order, session, inputs, template, renewed, Path(scratch), Path(masks), Path(log)
    )
    remove_tree(Path(masks))
    Path(masks).mkdir(parents=True)
    results = {series.name: builder.series(series) for series in session.series}
    if any(not is_withheld(result) for result in results.values()):
        write_json_atomic(
            Path(scratch) / "session.json", _summary(session, results), 0o644, indent=2
        )
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
            row |= {"instances": len(series.files), "incomplete": series.incomplete}
            if result["overlay_bits_cleared"]:
                row["overlay_bits_cleared"] = result["overlay_bits_cleared"]
            rows.append(row)
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
        fate = (
            self.inputs.deface["series"][series.name]
            if self.inputs.deface is not None
            else {"state": "released"}
        )
        if fate["state"] in WHOLE:
            result = guarded(lambda: self._whole(series, folder, fate["state"]))
        else:
            result = guarded(lambda: self._masked(series, folder, fate))
        if is_withheld(result):
            remove_tree(folder)
        return result

    def _headers(self, series: SeriesOrder) -> list[Path]:
        folder = Path(self.inputs.headers) / series.name
        return [folder / header_name(number) for number in range(1, len(series.files) + 1)]

    def _whole(self, series: SeriesOrder, folder: Path, state: str) -> SeriesResult:
        headers = self._headers(series)
        names = _spatial_names(headers)
        targets = [folder / "dicom" / name for name in names]
        cleared = release_whole(self.order, series.files, headers, targets, self.log.parent)
        for image in sorted((Path(self.inputs.converted) / series.name).iterdir()):
            shutil.copyfile(image, folder / image.name)
        return {"state": state, "instances": len(headers), "overlay_bits_cleared": cleared}

    def _masked(self, series: SeriesOrder, folder: Path, fate: SeriesResult) -> SeriesResult:
        headers = self._headers(series)
        masked = MaskedSeries(
            self._mask(fate["mask"]),
            self.inputs.settings,
            self.order,
            folder,
            self.masks / f"{series.name}.npz",
            self.log,
            self.inputs.profile,
            self.uids,
        )
        done = masked.build(series, headers, _spatial_names(headers))
        self._review(series, folder, fate)
        return {"state": fate["state"], "instances": len(headers), **done}

    def _mask(self, row: dict[str, Any]) -> WorldMask:
        """The mask that the step `deface` decided on."""
        assert self.template is not None
        fields, motion = Path(self.inputs.fields), np.array(row["motion"])
        distance = (
            load_field(fields / row["face"]).distance if row["face"] else self.template.distance
        )
        face, brain = (
            Field(distance, np.array(row["face_affine"])),
            load_field(fields / row["brain"]),
        )
        return WorldMask(
            face.seen_from(motion),
            row["margin_mm"],
            brain.seen_from(motion),
            row["brain_margin_mm"],
        )

    def _review(self, series: SeriesOrder, folder: Path, fate: SeriesResult) -> None:
        """Pictures before and after, and the figures, into the vault; a picture that fails holds nothing back."""
        review = Path(self.inputs.review)
        review.mkdir(parents=True, exist_ok=True, mode=0o700)
        before = sorted((Path(self.inputs.converted) / series.name).glob("image*.nii.gz"))
        masks = sorted(folder.glob("defaced_mask*.nii.gz"))
        after = masks[0].with_name(masks[0].name.replace("_mask", "", 1))
        try:
            save_sheet(before[0], after, masks[0], review / f"{series.name}.png")
        except (RuntimeError, ValueError):
            traceback.print_exc()
        write_json_atomic(review / f"{series.name}.json", fate, indent=2)


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
