"""Call dcm2niix on the files of one series and account for everything that comes out."""

from __future__ import annotations

import errno
import math
import re
import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deidflow.dicom.write import is_deflated, write_inflated
from deidflow.errors import StepFailed, Withheld
from deidflow.nifti.header import HEADER_BYTES, read_header
from deidflow.nifti.tool import tool_path
from deidflow.store.faults import check_space
from deidflow.store.process import run_tool
from deidflow.verdicts import Reason

_RESAMPLED = re.compile(r"_(Eq|Tilt)(_\d+)?")
_KNOWN_SUFFIX = re.compile(
    r"(_(e\d{1,3}|ph|phase|real|imaginary|MoCo|ADC|Raw|PS|i\d{1,5}|c\d{1,3}))*[a-z]?"
)
_STEM = "image"
_LEAST_NEEDED = 1 << 20


@dataclass(frozen=True)
class Converted:
    """One image that dcm2niix wrote: its suffix after the stem, and the files that belong to it."""

    suffix: str
    nifti: Path
    sidecar: Path
    gradients: tuple[Path, ...]
    """The .bval and .bvec files, if there are any."""


def link_series(files: Sequence[Path], folder: Path) -> None:
    """Make a folder with only the files of one series, none of them deflated.

    dcm2niix takes whole folders, and cannot read deflated files.
    """
    folder.mkdir(parents=True)
    for number, path in enumerate(files, 1):
        target = folder / f"{number:06d}.dcm"
        if is_deflated(path):
            write_inflated(path, target)
        else:
            _link(path, target)


def _link(path: Path, target: Path) -> None:
    """A symbolic link, or a copy where the vault's file system has no links."""
    try:
        target.symlink_to(path)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
        shutil.copyfile(path, target)


def convert(folder: Path, out: Path, log: Path) -> list[Converted]:
    """Run dcm2niix on a folder; outputs in the order of their names, resampled ones left out.

    Raises Withheld when nothing usable comes out or the tool fails.
    """
    out.mkdir(parents=True, exist_ok=True)
    code = run_tool(_command(folder, out), log)
    if code == -signal.SIGKILL:
        raise StepFailed(
            Reason.TOOL_FAILED,
            "dcm2niix was killed",
        )
    if code != 0:
        check_space(out, _needed(folder))
        raise Withheld(
            Reason.CONVERT_FAILED,
            f"exit code {code}",
        )

    images = _images(out)
    if not images:
        check_space(out, _needed(folder))
        raise Withheld(Reason.CONVERT_FAILED, "no output")
    return [_account(path, number) for number, path in enumerate(images, 1)]


def _command(folder: Path, out: Path) -> list[str]:
    """dcm2niix with all that its own configuration or a newer default could change."""
    options = ["-g", "i", "-b", "y", "-ba", "y", "-z", "n"]
    return [
        str(tool_path()),
        *options,
        "-f",
        _STEM,
        "-o",
        str(out),
        str(folder),
    ]


def _images(out: Path) -> list[Path]:
    """The images that dcm2niix wrote, without those that it resampled."""
    images: list[Path] = []
    for path in sorted(out.glob(f"{_STEM}*.nii")):
        if not _RESAMPLED.search(path.stem):
            images.append(path)
    return images


def _needed(folder: Path) -> int:
    """Bytes that an image of these files may take; compressed ones take more, unknown how much."""
    total = 0
    for path in folder.iterdir():
        total += path.stat().st_size
    return 2 * total + _LEAST_NEEDED


def _account(nifti: Path, number: int) -> Converted:
    """An image with its suffix and its files; raises Withheld where it is cut off."""
    if nifti.stat().st_size < _expected_size(nifti):
        check_space(nifti.parent)
        raise Withheld(
            Reason.CONVERT_FAILED,
            "the image is cut off",
        )

    suffix = nifti.stem.removeprefix(_STEM)
    if not _KNOWN_SUFFIX.fullmatch(suffix):
        suffix = f"_part{number}"
    gradients = [nifti.with_suffix(".bval"), nifti.with_suffix(".bvec")]
    return Converted(
        suffix=suffix,
        nifti=nifti,
        sidecar=nifti.with_suffix(".json"),
        gradients=tuple(path for path in gradients if path.exists()),
    )


def _expected_size(nifti: Path) -> int:
    """The bytes that a NIfTI-1 file must have: dcm2niix does not notice a full disk."""
    with nifti.open("rb") as stream:
        header = read_header(stream)
    if header is None:
        return HEADER_BYTES

    count, *sizes = (int(size) for size in header["dim"])
    voxels = math.prod(sizes[: max(count, 0)])
    bits = voxels * int(header["bitpix"])
    first_voxel = int(header["vox_offset"])
    return first_voxel + bits // 8
