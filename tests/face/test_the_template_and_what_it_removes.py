"""The template: its brain, the region that is removed, its points, its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deidflow.demo.head import average_head
from deidflow.face.affine import apply, index_to_world, inverse
from deidflow.face.lookup import Lookup
from deidflow.face.template import Template, load_template
from deidflow.face.template_place import template_path
from deidflow.face.volume import (
    Flags,
    flags_of,
    index_points,
    mask_points,
    millilitres,
    values_of,
    view_of,
)


@pytest.fixture(scope="module")
def region(template: Template) -> Flags:
    """What is removed, as an array (z, y, x) on the padded grid."""
    region: Flags = view_of(template.distance) == 0
    return region


def test_the_brain_has_the_size_of_one(template: Template) -> None:
    assert 1_000 < millilitres(template.brain) < 1_400


def test_the_region_holds_all_that_pydeface_removes(template: Template, region: Flags) -> None:
    original = view_of(template.original) == 0

    assert (region | ~original).all()
    assert region.sum() > 1.1 * original.sum()


def test_the_region_is_as_wide_on_either_side(region: Flags) -> None:
    """The padding is the same right and left, so the middle of the grid is that of the head."""
    columns = np.flatnonzero(region.any((0, 1)))
    middle = 40 + 88
    assert columns[0] + columns[-1] == pytest.approx(2 * middle, abs=4)


def test_the_region_stays_away_from_the_brain(template: Template, region: Flags) -> None:
    """What is added to pydeface's own region, at random voxels."""
    added = region & (view_of(template.original) != 0)
    generator = np.random.default_rng(0)
    z, y, x = (generator.integers(0, size, 20_000) for size in region.shape)
    inside = added[z, y, x]
    points = index_points(template.distance, x[inside], y[inside], z[inside])
    brain = template.points["brain"]

    distances = [np.linalg.norm(brain - point, axis=1).min() for point in points[:150]]

    assert len(distances) == 150
    assert min(distances) > 11


def test_distances_are_far_in_the_brain(template: Template) -> None:
    brain = Lookup.of(template.distance).at(template.points["brain"])

    assert np.median(brain.visible) == 250
    assert brain.visible.min() > 0


@pytest.mark.parametrize("name", ["brain", "face", "surface", "head", "front", "vault"])
def test_points_lie_in_the_head(template: Template, name: str) -> None:
    seen = Lookup.of_mask(template.head).at(template.points[name])
    assert seen.in_view.all()
    assert seen.share() > 0.75


def test_points_of_the_shell_lie_around_the_head(template: Template) -> None:
    seen = Lookup.of_mask(template.head).at(template.points["outer"])
    assert seen.share() < 0.03


def test_the_face_is_in_front_and_low_and_the_vault_is_not(template: Template) -> None:
    face = template.points["face"].mean(0)
    vault = template.points["vault"].mean(0)

    assert face[1] < vault[1] - 50, "LPS y points backwards"
    assert face[2] < vault[2] - 40


def test_the_skin_of_the_face_is_removed_from_brow_to_chin(template: Template) -> None:
    distances = Lookup.of(template.distance).at(template.points["front"])
    assert (distances.visible == 0).mean() > 0.99


def test_vault_and_brain_are_never_removed(template: Template) -> None:
    distances = Lookup.of(template.distance).at(template.points["vault"])
    assert (distances.visible == 0).mean() < 0.02


def test_both_scales_show_the_same_place(template: Template) -> None:
    for target in (template.plain, template.ranked, template.labels):
        centre = apply(inverse(index_to_world(target.fine)), target.centre[None])[0]
        assert target.fine.GetSpacing() == pytest.approx((4.0, 4.0, 4.0), rel=0.15)
        assert target.coarse.GetSpacing() == pytest.approx((8.0, 8.0, 8.0), rel=0.15)
        assert (centre > 0).all()
        assert (centre < target.fine.GetSize()).all()


def test_labels_are_air_head_and_brain(template: Template) -> None:
    labels = Lookup.of(template.labels.fine)
    air, head, brain = (
        np.median(labels.at(template.points[name]).visible) for name in ("outer", "face", "brain")
    )

    assert air < 0.1
    assert head == pytest.approx(0.4, abs=0.1)
    assert brain > 0.9


def test_a_template_read_twice_is_the_same(template_file: Path) -> None:
    first, again = load_template(template_file), load_template(template_file)

    assert set(first.points) == {
        "brain",
        "face",
        "surface",
        "front",
        "head",
        "outer",
        "vault",
        "scalp",
    }
    assert np.array_equal(values_of(first.distance), values_of(again.distance))
    for name, points in first.points.items():
        assert np.array_equal(points, again.points[name])


def test_each_option_has_a_file_of_its_own(tmp_path: Path) -> None:
    plain, ears = template_path(tmp_path, ears=False), template_path(tmp_path, ears=True)

    assert plain.parent == tmp_path
    assert plain != ears
    assert plain == template_path(tmp_path, ears=False)


def test_the_mask_of_the_head_is_the_average_heads(template: Template) -> None:
    brightness = Lookup.of(average_head()).at(mask_points(template.head))
    assert np.median(brightness.visible) > 100
    assert flags_of(template.head).any()
