"""The figures that the gate rests on: a registration seen on the subject's head at 4 mm."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk

from deidflow.face.affine import Array, apply, as_transform, inverse, linear_part
from deidflow.face.cranium import ADULT_MM, ball_radius, evenly_lit, size_below_adults
from deidflow.face.extent import face_cut
from deidflow.face.front_view import UPPER_HEAD_MM, front_view
from deidflow.face.grids import nearest, on_even_grid
from deidflow.face.heads import head_mask, head_region, vertex_height
from deidflow.face.intensities import flatten, window
from deidflow.face.lookup import Lookup
from deidflow.face.morphology import outward
from deidflow.face.prepare import Head, Tomography
from deidflow.face.search import Sampling
from deidflow.face.similarity import Similarity, contrast, sample
from deidflow.face.template import Template
from deidflow.face.volume import Image, dice, flags_of, mask_points, millilitres

Features = dict[str, float]
_SPACING_MM = 4.0
_SAMPLING = Sampling(points=12_000, bins=32, seed=3)
_STRICT, _STRICTER = 1.5, 2.0
_FLATTENINGS = 2
_SCALP_MM = 6.0
"""The subject's skin lies this near to the template's where it fits."""
_LEAST_SHARE = 1e-6
_IN_VIEW, _NO_TISSUE, _ONE_VALUE = 0.5, 0.05, 0.9


@dataclass(frozen=True)
class _CoarseHead:
    """A head at 4 mm: the image, what of the template it is compared with, and its mask.

    `firm` and `firmer` are masks by 1.5 and 2 times the threshold, without coil and noise.
    """

    image: Image
    target: Image
    mask: Image
    firm: Image
    firmer: Image
    cranium_mm: float
    """Radius of the largest ball in the mask."""

    @property
    def size(self) -> float:
        """The head's size against an adult's."""
        return size_below_adults(self.cranium_mm / ADULT_MM)

    @classmethod
    def of(cls, head: Head, template: Template) -> _CoarseHead:
        """Prepare a head."""
        if isinstance(head, Tomography):
            share = on_even_grid(
                sitk.Cast(head.mask, sitk.sitkFloat32),
                _SPACING_MM,
            )
            mask = share > 0.5
            labels = on_even_grid(head.labels, _SPACING_MM)
            return cls(
                labels,
                template.labels.fine,
                mask,
                firm=mask,
                firmer=mask,
                cranium_mm=ball_radius(mask),
            )

        image = on_even_grid(head.windowed, _SPACING_MM)
        lit = evenly_lit(image)
        mask = head_mask(lit)
        return cls(
            image=image,
            target=template.plain.fine,
            mask=mask,
            firm=head_mask(lit, _STRICT),
            firmer=head_mask(lit, _STRICTER),
            cranium_mm=ball_radius(mask),
        )

    def flattened(self) -> Iterator[_CoarseHead]:
        """The same head on MR, seen with its receive field flattened once, and again."""
        flat = self.image
        for _ in range(_FLATTENINGS):
            flat = window(flatten(flat, head_mask(flat)))
            mask = head_mask(flat)
            yield replace(
                self,
                mask=mask,
                firm=head_mask(flat, _STRICT),
                firmer=head_mask(flat, _STRICTER),
                cranium_mm=ball_radius(mask),
            )


def features(head: Head, affine: Array, template: Template) -> Features:
    """All figures of a registration (subject world -> template world)."""
    return next(features_by_light(head, affine, template))


def features_by_light(head: Head, affine: Array, template: Template) -> Iterator[Features]:
    """The same; then, on MR, those of the head with its receive field flattened.

    What the field hides of a head says nothing against a registration, if the flattened head says
    nothing either.
    """
    coarse = _CoarseHead.of(head, template)
    match = _match(coarse, affine, template)
    yield {**match, **_shape(head, coarse, affine, template)}
    if isinstance(head, Tomography):
        return
    for flat in coarse.flattened():
        yield {**match, **_shape(head, flat, affine, template)}


def _shape(head: Head, coarse: _CoarseHead, affine: Array, template: Template) -> Features:
    """How the head's mask fits the template's."""
    scales = np.linalg.svd(linear_part(inverse(affine)))[1]
    # Of a CT without its crown too little of the brain is in view to prove anything.
    view = front_view(
        coarse.mask,
        affine,
        template,
        coarse.size,
        may_be_cut=not isinstance(head, Tomography),
    )
    return {
        **_overlap(coarse, affine, template),
        **_face(head, coarse, affine, template),
        "front_pixels": view.pixels,
        "face_changed": view.face_changed,
        "forehead_changed": view.forehead_changed,
        "volume_scale": float(np.prod(scales)),
        "cranium_ratio": _cranium_ratio(coarse, affine, template),
        "scalp_fit": _scalp_fit(coarse, affine, template),
    }


def brain_features(head: Tomography, affine: Array, template: Template) -> Features:
    """On CT: the brain's volume in ml and its overlap with the template's."""
    warped = nearest(
        template.brain,
        grid=head.brain,
        transform=as_transform(affine),
    )
    return {
        "brain_ml": millilitres(head.brain),
        "brain_dice": dice(flags_of(head.brain), flags_of(warped)),
    }


def face_is_empty(figures: Features) -> bool:
    """Whether the face is in view but holds one value and no tissue.

    Then the image was defaced or skull-stripped before.
    """
    is_in_view = figures["face_in_view"] >= _IN_VIEW
    has_no_tissue = figures["face_in_head"] < _NO_TISSUE
    has_one_value = figures["face_blank"] >= _ONE_VALUE
    return is_in_view and has_no_tissue and has_one_value


def _match(coarse: _CoarseHead, affine: Array, template: Template) -> Features:
    """How much better the registration is than the same moved by 18 mm and 14 degrees."""
    region = head_region(coarse.image)
    samples = sample(
        coarse.image,
        most=_SAMPLING.points,
        seed=_SAMPLING.seed,
        region=region,
    )
    similarity = Similarity(
        samples,
        moving=coarse.target,
        bins=_SAMPLING.bins,
    )
    brain = apply(inverse(affine), template.points["brain"])
    centre = brain.mean(0)
    return {
        "similarity": similarity(affine),
        "contrast": contrast(
            similarity,
            affine=affine,
            centre=centre,
        ),
    }


def _face(head: Head, coarse: _CoarseHead, affine: Array, template: Template) -> Features:
    """Whether the face is in view, holds tissue, or one value only."""
    points = apply(inverse(affine), template.points["face"])
    tissue = Lookup.of_mask(coarse.mask).at(points)
    return {
        "face_in_view": float(tissue.in_view.mean()),
        "face_in_head": tissue.share(),
        "face_blank": _blank(head.small, points),
    }


def _blank(image: Image, points: Array) -> float:
    """The share of points in view that hold the most frequent value."""
    seen = Lookup.of(image).at(points)
    if not seen.is_enough:
        return math.nan
    counts = np.unique(seen.visible, return_counts=True)[1]
    return float(counts.max() / counts.sum())


def _overlap(coarse: _CoarseHead, affine: Array, template: Template) -> Features:
    """Whether head and template fill each other, with nothing in the shell around them."""
    back = inverse(affine)
    lookup = Lookup.of_mask(coarse.mask)
    firm = Lookup.of_mask(coarse.firm)
    vault = lookup.at(apply(back, template.points["vault"]))
    shell = firm.at(apply(back, template.points["outer"]))
    return {
        "outer_in_head": shell.share(),
        "head_in_template": _inside(coarse.firmer, affine, template, coarse.size),
        "vault_in_head": vault.share(),
        "face_cut": face_cut(coarse.mask, affine, template),
        "head_dice": _head_dice(coarse.mask, affine, template, coarse.size),
    }


def _cranium_ratio(coarse: _CoarseHead, affine: Array, template: Template) -> float:
    """The radius of the subject's cranium over that of the template laid on it."""
    expected = nearest(
        template.head,
        coarse.mask,
        as_transform(affine),
    )
    radius = ball_radius(expected)
    if not radius:
        return math.nan
    return coarse.cranium_mm / radius


def _scalp_fit(coarse: _CoarseHead, affine: Array, template: Template) -> float:
    """The share of the template's scalp in view that lies near the subject's skin."""
    scalp = apply(inverse(affine), template.points["scalp"])
    from_skin = Lookup.of(outward(coarse.mask)).at(scalp)
    near = np.abs(from_skin.values) <= coarse.size * _SCALP_MM
    return replace(from_skin, values=near).share()


def _head_dice(mask: Image, affine: Array, template: Template, size: float) -> float:
    """The harmonic mean of how much of head and template lies inside the other."""
    points = apply(inverse(affine), template.points["head"])
    seen = Lookup.of_mask(mask).at(points)
    recall = 0.0
    if seen.in_view.any():
        recall = float(seen.visible.mean())

    precision = _inside(mask, affine, template, size)
    inverse_precision = 1 / max(_LEAST_SHARE, precision)
    inverse_recall = 1 / max(_LEAST_SHARE, recall)
    return 2 / (inverse_precision + inverse_recall)


def _inside(mask: Image, affine: Array, template: Template, size: float) -> float:
    """The share of a mask's upper 165 mm, less of a small head, inside the template's head."""
    points = mask_points(mask)
    if not len(points):
        return 0.0

    lowest = vertex_height(points) - size * UPPER_HEAD_MM
    upper = points[points[:, 2] > lowest]
    seen = Lookup.of_mask(template.head).at(apply(affine, upper))
    if not seen.in_view.any():
        return 0.0
    return float(seen.visible.mean())
