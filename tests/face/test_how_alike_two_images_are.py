"""Mutual information at sampled points is highest where images match, at any contrast."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from deidflow.face.affine import IDENTITY, affine_of, apply, index_to_world, inverse
from deidflow.face.similarity import Similarity, contrast, sample
from deidflow.face.volume import Image, float_like, image_of, values_of
from tests.face.conftest import cube_affine

BINS = 24


def blobs(seed: int = 1) -> Image:
    """Smooth random structure, 0 to 1, in the middle of air; the centre is the origin."""
    noise = np.random.default_rng(seed).normal(size=(30, 30, 30)).astype(np.float32)
    image = sitk.SmoothingRecursiveGaussian(image_of(noise, cube_affine(4.0, -58.0)), 10.0)
    values = values_of(image)
    values = (values - values.min()) / (values.max() - values.min())
    return float_like(values, image)


def shifted(millimetres: float) -> np.ndarray:
    return affine_of(np.eye(3), np.array([millimetres, 0.0, 0.0]))


def similarity(fixed: Image, moving: Image, points: int = 4_000) -> Similarity:
    return Similarity(
        sample(
            fixed,
            points,
            seed=0,
        ),
        moving,
        BINS,
    )


def test_an_image_is_most_like_itself_where_it_is() -> None:
    alike = similarity(blobs(), blobs())

    in_place = alike(IDENTITY)

    assert in_place > 0.3
    for millimetres in (-12.0, -6.0, 6.0, 12.0):
        assert alike(shifted(millimetres)) < in_place


def test_another_contrast_is_as_much_alike() -> None:
    inverted = 1.0 - blobs()
    assert similarity(blobs(), inverted)(IDENTITY) == pytest.approx(
        similarity(blobs(), blobs())(IDENTITY), abs=0.1
    )


def test_unrelated_images_are_not_alike() -> None:
    assert similarity(blobs(1), blobs(2))(IDENTITY) < 0.06


def test_with_too_little_overlap_nothing_is_alike() -> None:
    alike = similarity(blobs(), blobs())
    assert alike(shifted(70.0)) > 0.0
    assert alike(shifted(80.0)) == 0.0
    assert alike(shifted(900.0)) == 0.0


def test_a_match_stands_out_and_noise_does_not() -> None:
    noise = np.random.default_rng(5).uniform(size=(30, 30, 30))
    noisy = float_like(noise, blobs())
    centre = np.zeros(3)

    sharp = contrast(
        similarity(blobs(), blobs()),
        IDENTITY,
        centre,
    )
    blurred = contrast(
        similarity(blobs(), noisy),
        IDENTITY,
        centre,
    )

    assert sharp > 4.0
    assert 0.7 < blurred < 1.3


def test_the_same_seed_samples_the_same_points() -> None:
    first, again, other = (
        sample(
            blobs(),
            500,
            seed,
        )
        for seed in (3, 3, 4)
    )

    assert np.array_equal(first.points, again.points)
    assert np.array_equal(first.values, again.values)
    assert not np.array_equal(first.points, other.points)


def test_points_lie_inside_their_voxels_and_the_image() -> None:
    image = blobs()

    samples = sample(
        image,
        2_000,
        seed=1,
    )
    indices = apply(inverse(index_to_world(image)), samples.points)

    assert len(samples.points) == 2_000
    assert indices.min() >= 0
    assert indices.max() <= 29
    assert np.abs(indices - np.rint(indices)).max() > 0.4


def test_values_between_voxels_are_linear() -> None:
    x = np.broadcast_to(np.arange(20) / 20, (20, 20, 20))
    ramp = image_of(x.astype(np.float32), cube_affine(4.0))

    samples = sample(
        ramp,
        300,
        seed=2,
    )

    assert np.allclose(
        samples.values,
        samples.points[:, 0] / 80,
        atol=1e-5,
    )


def test_every_voxel_is_taken_where_there_are_few() -> None:
    image = blobs()

    samples = sample(
        image,
        100_000,
        seed=1,
    )
    indices = apply(inverse(index_to_world(image)), samples.points)

    assert len(samples.points) == 27_000
    assert np.allclose(indices, np.rint(indices))
    assert sorted(samples.values.tolist()) == sorted(values_of(image).ravel().tolist())


def test_points_are_taken_from_a_region_only() -> None:
    region = np.zeros((30, 30, 30), bool)
    region[10:20, :, 5:] = True

    samples = sample(
        blobs(),
        400,
        seed=1,
        region=region,
    )
    x, _, z = apply(inverse(index_to_world(blobs())), samples.points).T

    assert z.min() >= 9.5
    assert z.max() <= 19.5
    assert x.min() >= 4.5
