"""What a site's program is given and what its mask must be; nothing of it is left behind."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import nibabel
import numpy as np
import pytest

from deidflow.errors import EnvironmentFault, Withheld
from deidflow.face.affine import IDENTITY, index_to_world
from deidflow.face.engine_installed import check_engine, find_flirt
from deidflow.face.engine_program import run_program, uncovered
from deidflow.face.engines import CommandEngine, PydefaceEngine, TemplateEngine, engine_of
from deidflow.face.grids import nearest
from deidflow.face.run_pydeface import prepare_environment
from deidflow.face.series import About, HeadSeries
from deidflow.face.template import Template
from deidflow.face.volume import Image, flags_of, like, mask_points, values_of, volume_ml
from deidflow.settings.face import DefaceSettings
from deidflow.verdicts import Reason
from tests.face.conftest import ball

COPY = """
import shutil, sys
image, mask, answer, given = sys.argv[1:]
shutil.copy(answer, mask)
shutil.copy(image, given)
"""


def series(image: Path | None = None, even: bool = True) -> HeadSeries:
    return HeadSeries(
        "001",
        (ball(40.0),),
        "M",
        About("MR"),
        even=even,
        image=image,
    )


def nifti(path: Path, values: np.ndarray, affine: np.ndarray | None = None) -> Path:
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4) if affine is None else affine), path)
    return path


def given(tmp_path: Path, one: HeadSeries) -> nibabel.Nifti1Image:
    """The image that a program is given; its own mask is refused."""
    mask = nifti(tmp_path / "wrong.nii.gz", np.zeros((2, 2, 2), np.uint8))
    with pytest.raises(Withheld):
        removed(tmp_path, one, mask)
    return nibabel.load(tmp_path / "given.nii.gz")


def removed(tmp_path: Path, one: HeadSeries, mask: Path) -> Image:
    """What is removed by a program that answers with a mask."""
    script = tmp_path / "tool.py"
    script.write_text(COPY)
    command = [sys.executable, str(script), "{image}", "{mask}", str(mask)]
    return run_program(
        [*command, str(tmp_path / "given.nii.gz")],
        one,
        tmp_path,
        tmp_path / "log",
    )


def stack_mask(tmp_path: Path, shape: tuple[int, ...] = (40, 40, 40)) -> Path:
    """A mask on the grid of the ball that removes its right half."""
    kept = np.ones(shape, np.uint8)
    kept[:20] = 0
    affine = np.diag([-4.0, -4.0, 4.0, 1.0])
    affine[:3, 3] = [78.0, 78.0, -78.0]
    return nifti(
        tmp_path / "mask.nii.gz",
        kept,
        affine,
    )


def test_without_a_converted_image_the_stack_is_given(tmp_path: Path) -> None:
    image = given(tmp_path, series())

    assert image.shape == (40, 40, 40)
    assert np.array_equal(image.affine[:3, 3], [78.0, 78.0, -78.0])
    assert image.get_fdata().sum() == values_of(ball(40.0)).sum()


def test_of_the_converted_image_the_first_volume_is_given(tmp_path: Path) -> None:
    volumes = np.stack([np.full((5, 6, 7), 3.0), np.full((5, 6, 7), 9.0)], axis=-1)
    converted = nifti(
        tmp_path / "image.nii.gz",
        volumes,
        np.diag([2.0, 2.0, 2.0, 1.0]),
    )

    image = given(tmp_path, series(converted))

    assert image.shape == (5, 6, 7)
    assert image.get_fdata().max() == 3.0


def test_of_uneven_slices_the_stack_is_given(tmp_path: Path) -> None:
    """The converted image was resampled, its grid is not that of the planes."""
    converted = nifti(tmp_path / "image.nii.gz", np.zeros((5, 6, 7)))
    assert given(tmp_path, series(converted, even=False)).shape == (40, 40, 40)


def test_what_is_zero_is_removed(tmp_path: Path) -> None:
    mask = removed(
        tmp_path,
        series(),
        stack_mask(tmp_path),
    )
    points = mask_points(mask)

    assert points[:, 0].min() == -78.0
    assert points[:, 0].max() == -2.0
    assert volume_ml(len(points), mask) == pytest.approx(160 * 160 * 80 / 1000)


def test_a_fourth_dimension_of_one_is_no_further_volume(tmp_path: Path) -> None:
    flat = flags_of(
        removed(
            tmp_path,
            series(),
            stack_mask(tmp_path),
        )
    )
    deep = flags_of(
        removed(
            tmp_path,
            series(),
            stack_mask(tmp_path, (40, 40, 40, 1)),
        )
    )
    assert np.array_equal(flat, deep)


@pytest.mark.parametrize(
    ("shape", "detail"),
    [
        ((40, 40, 40, 2), "more than one volume"),
        ((40, 40, 39), "another grid"),
    ],
)
def test_a_mask_of_another_shape_is_refused(
    tmp_path: Path, shape: tuple[int, ...], detail: str
) -> None:
    with pytest.raises(Withheld, match=detail) as caught:
        removed(
            tmp_path,
            series(),
            stack_mask(tmp_path, shape),
        )
    assert caught.value.reason is Reason.ENGINE_MASK


def test_a_mask_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    mask = stack_mask(tmp_path)
    mask.write_bytes(mask.read_bytes()[:-40])
    with pytest.raises(Withheld, match="the mask cannot be read"):
        removed(
            tmp_path,
            series(),
            mask,
        )


def test_neither_image_nor_mask_stay_behind(tmp_path: Path) -> None:
    removed(
        tmp_path,
        series(),
        stack_mask(tmp_path),
    )
    with pytest.raises(Withheld, match="exit code 5"):
        run_program(
            [sys.executable, "-c", "raise SystemExit(5)"],
            series(),
            tmp_path,
            tmp_path / "log",
        )
    assert not list(tmp_path.glob("engine-*"))


def test_a_program_that_writes_no_mask_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Withheld, match="exit code 0"):
        run_program(
            [sys.executable, "-c", "pass"],
            series(),
            tmp_path,
            tmp_path / "log",
        )


def test_the_whole_face_is_covered_or_left(template: Template) -> None:
    everywhere = nearest(template.head, template.distance) * 0 + 1

    assert (
        uncovered(
            everywhere,
            IDENTITY,
            template,
        )
        == 0.0
    )
    assert (
        uncovered(
            everywhere * 0,
            IDENTITY,
            template,
        )
        == 1.0
    )


def test_skin_alone_does_not_cover_the_face(template: Template) -> None:
    """Five and ten millimetres below the skin the face must be gone too."""
    distance = template.distance
    to_world = index_to_world(distance)
    indices = np.rint((template.points["front"] - to_world[:, 3]) / np.diag(to_world[:, :3]))
    skin = values_of(distance) * 0
    x, y, z = indices.astype(int).T
    for step in range(-2, 3):
        skin[z, y + step, x] = 1

    assert (
        uncovered(
            like(skin, distance),
            IDENTITY,
            template,
        )
        > 0.5
    )


@pytest.mark.parametrize(
    ("settings", "engine"),
    [
        ({}, TemplateEngine),
        ({"engine": "command", "command": ["true", "{image}", "{mask}"]}, CommandEngine),
    ],
)
def test_settings_name_the_engine(
    tmp_path: Path, settings: dict[str, object], engine: type
) -> None:
    chosen = DefaceSettings.model_validate(settings)
    assert isinstance(
        engine_of(
            chosen,
            tmp_path,
            tmp_path / "log",
        ),
        engine,
    )


def test_flirt_is_found_on_the_path_or_below_fsldir(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flirt = tmp_path / "fsl" / "bin" / "flirt"
    flirt.parent.mkdir(parents=True)
    flirt.write_text("#!/bin/sh\n")
    flirt.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("FSLDIR", raising=False)
    assert find_flirt() is None
    with pytest.raises(EnvironmentFault, match="install FSL and set FSLDIR"):
        check_engine(DefaceSettings(engine="pydeface"))

    monkeypatch.setenv("FSLDIR", str(tmp_path / "fsl"))
    assert find_flirt() == str(flirt)
    settings = DefaceSettings(engine="pydeface")
    assert isinstance(
        engine_of(
            settings,
            tmp_path,
            tmp_path / "log",
        ),
        PydefaceEngine,
    )

    monkeypatch.setenv("PATH", str(flirt.parent))
    monkeypatch.delenv("FSLDIR")
    assert find_flirt() == str(flirt)


def test_pydeface_gets_a_folder_of_its_own_and_a_stand_in_for_fsl(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FSLDIR", "NO_ET", "NIPYPE_NO_ET", "TMPDIR"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr(
        tempfile,
        "tempdir",
        None,
    )

    prepare_environment(tmp_path)

    assert os.environ["NO_ET"] == "1"
    assert tempfile.gettempdir() == str(tmp_path)
    assert shutil.which("fsl") == str(tmp_path / "fsl")
