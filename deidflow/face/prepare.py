"""A head made ready once for all that looks at it: registration, gate and brain."""

from __future__ import annotations

from dataclasses import dataclass

from deidflow.face.series import Series
from deidflow.face.tomography import head_and_brain, label_image
from deidflow.face.volume import Image, flatten, head_mask, rank, shrink, trim_padding, window

_SPACING_MM = 2.0


@dataclass(frozen=True)
class Resonance:
    """A head on MR of about 2 mm: windowed, its mask, and with the receive field flattened."""

    small: Image
    windowed: Image
    mask: Image
    even: Image

    @classmethod
    def of(cls, volume: Image) -> Resonance:
        """Prepare a volume (LPS, any spacing)."""
        small = trim_padding(shrink(volume, _SPACING_MM))
        windowed = window(small)
        mask = head_mask(windowed)
        return cls(small, windowed, mask, flatten(windowed, mask))

    @property
    def ranked(self) -> Image:
        """What engine B sees: flattened intensities as ranks."""
        return rank(window(self.even))


@dataclass(frozen=True)
class Tomography:
    """A head on CT of about 2 mm in HU: its mask without table and headrest, and its brain."""

    small: Image
    mask: Image
    brain: Image

    @classmethod
    def of(cls, volume: Image) -> Tomography:
        """Prepare a volume of HU (LPS, any spacing)."""
        small = trim_padding(shrink(volume, _SPACING_MM))
        return cls(small, *head_and_brain(small))

    @property
    def labels(self) -> Image:
        """Air, head and brain as one image."""
        return label_image(self.mask, self.brain)


def prepared(series: Series) -> Resonance | Tomography:
    """The largest stack of a series, made ready as its modality asks."""
    return Tomography.of(series.main) if series.about.modality == "CT" else Resonance.of(series.main)
