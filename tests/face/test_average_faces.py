"""The average face in the place of what was removed: as bright as its surroundings, and nobody's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from deidflow.dicom.geometry import Plane
from deidflow.face.affine import IDENTITY
from deidflow.face.average import AverageFace, gain_of
from deidflow.face.mask import Field, WorldMask
from deidflow.face.plane_grid import grid_of
from deidflow.face.template import Template
from deidflow.face.template_regions import distance_to
from deidflow.face.volume import float_like, mask_like, view_of


@pytest.fixture
def plane(template: Template) -> Plane:
    """An axial plane of the template's world through the cheeks, 1 x 1.5 mm."""
    corner = np.array(template.average.TransformIndexToPhysicalPoint([0, 0, 70]))
    return Plane(
        frame=0,
        top=0,
        left=0,
        rows=120,
        columns=170,
        origin=corner,
        row_direction=np.array([1.0, 0.0, 0.0]),
        column_direction=np.array([0.0, 1.0, 0.0]),
        row_spacing=1.5,
        column_spacing=1.0,
    )


def seen(template: Template, plane: Plane) -> np.ndarray:
    shown = sitk.Resample(template.average, grid_of(plane), sitk.Transform(), sitk.sitkLinear)
    return view_of(shown)[0]


def front(plane: Plane) -> np.ndarray:
    removed = np.zeros((plane.rows, plane.columns), bool)
    removed[:30] = True
    return removed


def test_what_is_filled_goes_on_as_bright_as_what_stays(template: Template, plane: Plane) -> None:
    """The subject is the average itself, twice as bright on one side and with air at -1000."""
    average = seen(template, plane)
    light = np.linspace(100, 200, plane.columns)
    values = average * light - 1000
    removed = front(plane)
    face = AverageFace(template.average, IDENTITY, gain=150.0, air=-1000.0)
    filled = np.full(removed.shape, np.nan)
    filled[removed] = face.fill(plane, values, removed)

    border = average[29] > 0.3
    assert border.sum() > 20
    expected = values[29, border] + 1000
    assert np.median(abs(filled[29, border] + 1000 - expected) / expected) < 0.12
    air = removed & (average == 0)
    assert (filled[air] == -1000).all()


def test_nothing_of_the_removed_pixels_tells(template: Template, plane: Plane) -> None:
    removed = front(plane)
    values = seen(template, plane) * 100
    other = np.where(removed, 7.0, values)
    face = AverageFace(template.average, IDENTITY, gain=100.0, air=0.0)
    assert np.array_equal(face.fill(plane, values, removed), face.fill(plane, other, removed))


def test_a_plane_without_tissue_beside_the_mask_takes_the_gain_of_the_series(
    template: Template, plane: Plane
) -> None:
    removed = np.ones((plane.rows, plane.columns), bool)
    face = AverageFace(template.average, IDENTITY, gain=40.0, air=5.0)
    filled = face.fill(plane, np.zeros(removed.shape), removed)
    expected = seen(template, plane).ravel() * 40 + 5
    assert filled == pytest.approx(expected, rel=1e-4)


def test_the_gain_comes_from_beside_the_mask(template: Template) -> None:
    average = template.average
    box = np.zeros(view_of(average).shape, bool)
    box[20:50, :30] = True
    mask = WorldMask(Field(distance_to(mask_like(box, average)), IDENTITY), 0.0, None, 0.0)
    subject = float_like(np.where(box, 9e9, view_of(average) * 321 - 1000), average)
    gain = gain_of(subject, mask, average, IDENTITY, air=-1000.0)
    assert gain == pytest.approx(321, rel=0.01)

    far = replace(mask, face=mask.face.seen_from(np.hstack([np.eye(3), np.full((3, 1), 900.0)])))
    assert gain_of(subject, far, average, IDENTITY, air=-1000.0) == 0.0
