"""A head made ready once for all that looks at it: registration, gate and brain."""

from __future__ import annotations

from dataclasses import dataclass

from deidflow.face.ghosts import without_ghosts
from deidflow.face.grids import on_even_grid, trim_padding
from deidflow.face.heads import head_mask
from deidflow.face.intensities import flattened_ranks, window
from deidflow.face.series import HeadSeries
from deidflow.face.tomography import head_and_brain, label_image
from deidflow.face.volume import Image

_SPACING_MM = 2.0


@dataclass(frozen=True)
class Resonance:
    """A head on MR of 2 mm, windowed, its air without ghosts, and its mask."""

    small: Image
    windowed: Image
    mask: Image

    @classmethod
    def of(cls, volume: Image) -> Resonance:
        """Prepare a volume (LPS, any spacing)."""
        small = trim_padding(on_even_grid(volume, _SPACING_MM))
        windowed = without_ghosts(window(small))
        return cls(
            small,
            windowed,
            head_mask(windowed),
        )

    @property
    def ranked(self) -> Image:
        """What engine B sees: the receive field flattened, intensities as ranks, at 4 mm."""
        return flattened_ranks(self.windowed)


@dataclass(frozen=True)
class Tomography:
    """A head on CT of 2 mm in HU: its mask without table and headrest, and its brain."""

    small: Image
    mask: Image
    brain: Image

    @classmethod
    def of(cls, volume: Image) -> Tomography:
        """Prepare a volume of HU (LPS, any spacing)."""
        small = trim_padding(on_even_grid(volume, _SPACING_MM))
        head, brain = head_and_brain(small)
        return cls(small, head, brain)

    @property
    def labels(self) -> Image:
        """Air, head and brain as one image."""
        return label_image(self.mask, self.brain)


Head = Resonance | Tomography


def prepared(series: HeadSeries) -> Head:
    """The largest stack of a series, made ready as its modality asks."""
    if series.about.modality == "CT":
        return Tomography.of(series.main)
    return Resonance.of(series.main)
