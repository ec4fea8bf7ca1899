"""Faces on perturbed heads: what the gate lets through, what of the face is left, and CPU seconds.

    python benchmarks/faces.py [--kinds | --changes | --varied=SEED] [FOLDER_OF_A_HEAD_SERIES ...]

Two warped average heads, and the largest series of every folder given; changed by motion, cuts and
noise (`head_changes.py`), and into heads that are rarely tested
(`head_kinds.py`), with `--varied` of strengths and sides drawn at random (`head_varied.py`). Truth is the registration of
the unperturbed head with the known motion. Beside ours, pydeface with FSL's flirt where FSL is
there.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import SimpleITK as sitk
from facecheck import Checker, Left, head_of
from head_changes import Case, cases
from head_kinds import kinds
from head_varied import varied

from deidflow.demo.head import warped_head
from deidflow.errors import Withheld
from deidflow.face.affine import compose, index_to_world, inverse
from deidflow.face.anchor import anchor_of
from deidflow.face.candidate import Registered, attempt
from deidflow.face.engine_installed import find_flirt
from deidflow.face.engines import TemplateEngine
from deidflow.face.grids import nearest, shrink
from deidflow.face.mask import WorldMask
from deidflow.face.series import About, HeadSeries
from deidflow.face.session import Carrier
from deidflow.face.template import Template, load_template, prepare_template
from deidflow.face.template_place import template_path
from deidflow.face.volume import image_of, like
from deidflow.identity.workorder import FileOrder, SeriesOrder, WorkOrder
from deidflow.settings.face import DefaceSettings
from deidflow.steps.volumes import read_volumes

RECORDED = "recorded, not measured here: pydeface with flirt 97 CPU s (47 to 257), 21 to 27 % of the front skin left"
SETTINGS = DefaceSettings()
FEWEST_RAYS, MOST_SKIN, MOST_BRAIN_ML = 100, 0.05, 0.1
Changes = dict[str, Callable[[], Case]]


def head_in(folder: Path) -> Any:
    """The largest stack of the largest series below a folder."""
    found: dict[str, list[Path]] = {}
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        try:
            header = pydicom.dcmread(path, stop_before_pixels=True)
        except pydicom.errors.InvalidDicomError:
            continue
        found.setdefault(str(header.get("SeriesInstanceUID")), []).append(path)
    paths = max(found.values(), key=len)
    files = tuple(
        FileOrder(str(one), hashlib.sha256(one.read_bytes()).hexdigest()) for one in paths
    )
    order = WorkOrder("P001", "/", "", 0, (), ())
    with tempfile.TemporaryDirectory() as scratch:
        return read_volumes(
            order, SeriesOrder("001-MR", "MR", False, False, files), Path(scratch)
        ).main


@dataclass(frozen=True)
class Row:
    """How a case ended: state or refusal, what is left, the share of a second copy of the face that
    stays, and CPU seconds of registration and gate."""

    kind: str
    outcome: str
    left: Left | None
    copy_left: float
    seconds: float


def measured(kind: str, case: Case, known: Registered, checker: Checker, template: Template) -> Row:
    """Deface a case and count what is left of it."""
    series = HeadSeries(
        "001-MR",
        (case.image,),
        "M",
        About("MR"),
        resolution_mm=max(case.image.GetSpacing()),
    )
    start = time.process_time()
    outcome = attempt(series, template, SETTINGS)
    used = time.process_time() - start
    if not isinstance(outcome, Registered):
        return Row(kind, f"refused: {outcome.detail}", None, 0.0, used)

    anchor = anchor_of(outcome, lambda one: TemplateEngine().face(one, template), SETTINGS)
    carrier = Carrier.of(anchor, template, SETTINGS, lambda _: anchor.face, ())
    try:
        mask = carrier.plan_for(series).mask()
    except Withheld as held:
        return Row(kind, f"withheld: {held.reason.value}", None, 0.0, used)
    return Row(
        kind,
        outcome.state,
        _left(case, known, mask, checker),
        _copy_left(case, mask),
        used,
    )


def _left(case: Case, known: Registered, mask: WorldMask, checker: Checker) -> Left:
    """What a mask leaves of the front skin in view, and takes of the brain."""
    anatomy = case.anatomy or _moved(known.series.main, case)
    head = head_of(shrink(anatomy, 2.0))
    seen = sitk.GetArrayFromImage(head) * _in_view(case.image, head)
    removed = like(mask.on(head).astype(np.uint8), head)
    brain = case.brain or _moved(known.brain.mask, case)
    in_view = sitk.GetArrayFromImage(brain) * _in_view(case.image, brain)
    return checker.left(
        like(seen, head),
        removed,
        compose(known.affine, inverse(case.motion)),
        like(in_view.astype(np.uint8), brain),
    )


def _moved(image: Any, case: Case) -> Any:
    """An image of the unchanged head where the case has it."""
    return image_of(sitk.GetArrayFromImage(image), compose(case.motion, index_to_world(image)))


def _copy_left(case: Case, mask: WorldMask) -> float:
    """The share of a second copy of the face that a mask leaves."""
    if case.copy is None:
        return 0.0
    copy = sitk.GetArrayFromImage(case.copy) > 0
    stays = copy & ~mask.on(case.copy)
    return float(stays.sum() / max(1, copy.sum()))


def _in_view(image: Any, grid: Any) -> Any:
    """1 where a grid lies in the field of view of an image."""
    ones = like(np.ones(image.GetSize()[::-1], np.uint8), image)
    return sitk.GetArrayFromImage(nearest(ones, grid))


def heads(folders: list[Path]) -> Iterator[tuple[str, Any]]:
    """Two made-up heads, and those in the folders."""
    yield from ((f"warped average {seed}", warped_head(seed)) for seed in (5, 8))
    yield from ((folder.name, head_in(folder)) for folder in folders)


def peer(image: Any) -> str:
    """pydeface on the same head, or what was recorded of it."""
    if find_flirt() is None:
        return RECORDED
    with tempfile.TemporaryDirectory() as folder:
        affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ np.vstack([index_to_world(image), [0, 0, 0, 1]])
        nibabel.save(
            nibabel.Nifti1Image(sitk.GetArrayFromImage(image).transpose(2, 1, 0), affine),
            f"{folder}/i.nii.gz",
        )
        command = [
            sys.executable,
            "-m",
            "deidflow.face.run_pydeface",
            f"{folder}/i.nii.gz",
            f"{folder}/m.nii.gz",
        ]
        before = os.times()
        subprocess.run(command, check=True, capture_output=True)
        after = os.times()
    return f"pydeface {after.children_user - before.children_user:.1f} CPU s"


def prepared_template() -> Template:
    """The template, prepared for this run."""
    with tempfile.TemporaryDirectory() as cache:
        path = template_path(Path(cache), ears=True)
        prepare_template(str(path), True)
        return load_template(path)


def changes_of(known: Registered, template: Template, options: set[str]) -> Changes:
    """The changes that are asked for, all without an option."""
    image = known.series.main
    chosen: Changes = {}
    seeds = [one.removeprefix("--varied=") for one in options if one.startswith("--varied=")]
    if seeds:
        return varied(image, known.affine, known.brain.mask, template, int(seeds[0]))
    if options != {"--kinds"}:
        chosen |= cases(image, known.affine, template)
    if options != {"--changes"}:
        chosen |= kinds(image, known.affine, known.brain.mask, template)
    return chosen


def main(arguments: list[str]) -> None:
    """Print one line a case and the sums."""
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    options = {one for one in arguments if one.startswith("--")}
    folders = [Path(one) for one in arguments if not one.startswith("--")]
    template, checker = prepared_template(), Checker()
    rows: list[Row] = []
    for name, image in heads(folders):
        known = attempt(HeadSeries(name, (image,), "M", About("MR")), template, SETTINGS)
        if not isinstance(known, Registered):
            print(f"{name}: refused as it is: {known.detail}")
            continue
        print(f"{name}: {peer(image)}")
        for kind, make in changes_of(known, template, options).items():
            row = measured(kind, make(), known, checker, template)
            rows.append(row)
            print(f"{name:18} {row.seconds:5.1f} s  {_words(row)}", flush=True)
    _table(rows)
    _sums(rows)


def _words(row: Row) -> str:
    words = f"{row.kind:22} {row.outcome:32}"
    if row.left is None:
        return words
    left = row.left
    counted = f"{left.share:6.1%} of {left.rays} rays left, {left.brain_ml:.2f} ml of brain"
    return f"{words} {counted}{_copy_words(row)}"


def _copy_words(row: Row) -> str:
    return f", {row.copy_left:.0%} of the copy" if row.copy_left else ""


def is_counted(left: Left) -> bool:
    """Whether enough of the front skin is in view to say what is left of it."""
    return left.rays >= FEWEST_RAYS


def _table(rows: list[Row]) -> None:
    """One line a kind, as the documentation shows it."""
    print(
        "| kind | released | front skin left, most | brain ml, most | CPU s |\n|---|---|---|---|---|"
    )
    for kind in dict.fromkeys(row.kind for row in rows):
        alike = [row for row in rows if row.kind == kind]
        left = [row.left for row in alike if row.left is not None]
        shares = [one.share for one in left if is_counted(one)]
        brain = max((one.brain_ml for one in left), default=0.0)
        seconds = sum(row.seconds for row in alike) / len(alike)
        print(
            f"| {kind} | {len(left)} of {len(alike)} | {max(shares, default=0.0):.1%} "
            f"| {brain:.2f} | {seconds:.1f} |"
        )


def _sums(rows: list[Row]) -> None:
    left = [row.left for row in rows if row.left is not None]
    skin = sum(one.share > MOST_SKIN and is_counted(one) for one in left)
    brain = sum(one.brain_ml > MOST_BRAIN_ML for one in left)
    seconds = sorted(row.seconds for row in rows)
    print(f"{len(left)} of {len(rows)} released ({len(left) / len(rows):.1%});")
    print(f"{skin} with more than 5 % of the skin left, {brain} with more than 0.1 ml of brain;")
    print(f"CPU s median {seconds[len(seconds) // 2]:.1f}, most {seconds[-1]:.1f}")


if __name__ == "__main__":
    main(sys.argv[1:])
