"""The images of a finished release, and what is known of each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel

from deidflow.bids.names import Facts, Grid
from deidflow.release.layout import SESSION_FOLDER, SUBJECT_FOLDER
from deidflow.store.files import read_json

_IMAGE = re.compile(r"(?P<stem>image|defaced)(?P<output>(?!_mask).*)\.nii\.gz")
_SECONDS = {"msec": 1e-3, "usec": 1e-6}
_SERIES = re.compile(r"(\d+)[a-z]*-[A-Z]+")


@dataclass(frozen=True)
class ReleasedImage:
    """A NIfTI image of a release with its sidecar and, of a defaced one, its mask."""

    subject: str
    session: str
    series: Path
    """The folder of the series."""
    image: Path
    mask: Path | None
    sidecar: dict[str, Any]
    facts: Facts

    @property
    def order(self) -> tuple[int, str, str]:
        """By number of the series."""
        series = self.series.name
        match = _SERIES.match(series)
        number = int(match[1]) if match else 0
        return number, series, self.image.name

    def beside(self, suffix: str) -> Path:
        """A file that belongs to the image: .json, .bval, .bvec."""
        stem = self.image.name.removesuffix(".nii.gz")
        return self.image.with_name(f"{stem}{suffix}")

    @property
    def files(self) -> list[Path]:
        """The image, its mask, and what belongs to it."""
        paths = [self.image]
        for suffix in (".json", ".bval", ".bvec"):
            paths.append(self.beside(suffix))
        if self.mask is not None:
            paths.append(self.mask)
        return [path for path in paths if path.exists()]


def series_folders(release: Path) -> Iterator[tuple[str, str, Path]]:
    """Subject, session and folder of every published series, in a fixed order."""
    for subject in sorted(release.iterdir()):
        if not SUBJECT_FOLDER.fullmatch(subject.name) or not subject.is_dir():
            continue
        for session in sorted(subject.iterdir()):
            if not SESSION_FOLDER.fullmatch(session.name):
                continue
            for series in sorted(session.iterdir()):
                if series.is_dir():
                    yield subject.name, session.name, series


def images_in(subject: str, session: str, series: Path) -> Iterator[ReleasedImage]:
    """The images of one series."""
    for path in sorted(series.glob("*.nii.gz")):
        match = _IMAGE.fullmatch(path.name)
        if match is None:
            continue
        name = path.name.removesuffix(".nii.gz")
        sidecar = read_json(path.with_name(f"{name}.json")) or {}
        mask = path.with_name(f"{match['stem']}_mask{match['output']}.nii.gz")

        yield ReleasedImage(
            subject=subject,
            session=session,
            series=series,
            image=path,
            mask=mask if mask.exists() else None,
            sidecar=sidecar,
            facts=_facts(
                path,
                sidecar,
                match["output"],
            ),
        )


def _facts(path: Path, sidecar: dict[str, Any], output: str) -> Facts:
    grid = _grid(path)
    stem = path.name.removesuffix(".nii.gz")
    gradients = path.with_name(f"{stem}.bval")
    image_type = sidecar.get("ImageType", ())
    guess = sidecar.get("BidsGuess", ())
    description = _text(sidecar, "SeriesDescription")
    protocol = _text(sidecar, "ProtocolName")
    is_one = description == protocol

    return Facts(
        modality=_text(sidecar, "Modality"),
        text=description if is_one else _joined(description, protocol),
        sequence=_joined(
            _text(sidecar, "SequenceName"),
            _text(sidecar, "PulseSequenceName"),
        ),
        image_type=tuple(map(str, image_type)),
        output=output,
        volumes=grid.volumes,
        has_gradients=gradients.exists(),
        guess=tuple(map(str, guess)),
        direction=_text(sidecar, "PhaseEncodingDirection"),
        grid=grid,
    )


def _text(sidecar: dict[str, Any], key: str) -> str:
    value = sidecar.get(key, "")
    return str(value)


def _joined(first: str, second: str) -> str:
    return f"{first} {second}".strip()


def _grid(path: Path) -> Grid:
    """What the header of an image says of its voxels."""
    image = nibabel.load(path)
    header = image.header
    shape = tuple(image.shape)
    sizes = []
    for size in header.get_zooms()[:3]:
        rounded = round(float(size), 3)
        sizes.append(rounded)

    step = float(header["pixdim"][4])
    _, unit = header.get_xyzt_units()
    seconds = step * _SECONDS.get(unit, 1.0)
    axes = nibabel.aff2axcodes(image.affine)
    return Grid(
        shape=shape,
        voxel_size=tuple(sizes),
        axes="".join(axes),
        volume_time=seconds if len(shape) > 3 else 0.0,
    )
