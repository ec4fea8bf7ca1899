"""Volumes of a release and its source for the judges of faces; DICOM is read by dcm2niix."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deidflow.errors import EnvironmentFault
from deidflow.recognition.volumes import HeadVolume, NotAVolume, read_volume
from deidflow.verifier.findings import Finding, Mark
from deidflow.verifier.observers import Seen

_SERIES = 0x0020000E
_LEAST_MM = 100.0
"""A volume that is shorter along an axis shows no head."""
_COARSEST_MM = 4.0
"""The judges see nothing in thicker slices."""
_MOST_SECONDS = 600


@dataclass
class SeriesFiles:
    """An observer that keeps which files make up a series."""

    paths: dict[str, list[Path]] = field(default_factory=dict)
    """Files by the SeriesInstanceUID."""
    shown: dict[str, str] = field(default_factory=dict)
    """The first file of each series, as reports write it."""

    def look(self, seen: Seen) -> Iterator[Mark]:
        """Keep one instance."""
        uid = seen.instance.text(_SERIES)
        self.paths.setdefault(uid, []).append(seen.entry.path)
        self.shown.setdefault(uid, seen.shown)
        return iter(())

    def end(self) -> Iterator[Finding]:
        """Nothing is wrong with a file because of its series."""
        return iter(())


def may_show_a_head(volume: HeadVolume) -> bool:
    """Whether a volume is large and fine enough for its surface to be rendered."""
    lengths = volume.spacing * volume.values.shape
    return bool(lengths.min() >= _LEAST_MM and volume.spacing.max() <= _COARSEST_MM)


def volumes_of(files: Sequence[Path], scratch: Path) -> list[HeadVolume]:
    """The volumes that dcm2niix makes of the files of one series; empty for what it cannot read.

    `scratch` is a private folder. Raises EnvironmentFault where dcm2niix is missing.
    """
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        source = Path(folder) / "dicom"
        target = Path(folder) / "nifti"
        source.mkdir()
        target.mkdir()
        for number, path in enumerate(files):
            (source / f"{number:06d}.dcm").symlink_to(path.resolve())

        _convert(source, target)
        paths = sorted(target.glob("*.nii"))
        return list(_readable(paths))


def _convert(source: Path, target: Path) -> None:
    options = ["-b", "n", "-z", "n", "-f", "image"]
    command = [_dcm2niix(), *options, "-o", str(target), str(source)]
    try:
        subprocess.run(
            command,
            capture_output=True,
            check=False,
            timeout=_MOST_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return


def _dcm2niix() -> str:
    """The program of the wheel, or one on the PATH."""
    try:
        import dcm2niix
    except ImportError:
        path = shutil.which("dcm2niix")
    else:
        path = str(dcm2niix.bin_path)
    if path is None:
        raise EnvironmentFault("dcm2niix is not installed; run: pip install dcm2niix")
    return path


def _readable(paths: Sequence[Path]) -> Iterator[HeadVolume]:
    for path in paths:
        try:
            yield read_volume(path)
        except NotAVolume:
            continue
