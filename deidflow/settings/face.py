"""The section of a configuration that concerns faces."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from deidflow.settings.sections import Section


class GateSettings(Section):
    """Thresholds of the registration gate; a value beyond any of them quarantines the series.

    They come from 156 perturbed heads (6 heads, whole faces), 504 planted wrong registrations and
    15 volumes that are not heads, at 4 mm; docs/faces.md has the table.
    """

    agreement_mm: float = 8.0
    """Largest mean distance of face points between the two registrations.

    147 are accepted, of which 1 is wrong by more than 10 mm.
    """
    head_in_template_min: float = 0.96
    """By the stricter head mask (good: at least .965)."""
    outer_in_head_max: float = 0.12
    """By the strict head mask (good: at most .078)."""
    contrast_min: float = 1.8
    """Good: at least 1.93; wrong registrations and objects other than heads: at most 1.83."""
    volume_scale_min: float = 0.3
    volume_scale_max: float = 1.8
    """Against the template: from a head of 40 cm around to one larger than any."""
    cranium_ratio_min: float = 0.88
    cranium_ratio_max: float = 1.12
    """Radius of the subject's cranium against that of the registered template."""
    scalp_fit_min: float = Field(default=0.8, ge=0, le=1)
    """MR: with this share of the scalp near the template's the size is proven without a radius.

    Metal at an orbit or a sunken skull makes the cranium seem small.
    """
    head_dice_min: float = 0.25
    vault_in_head_min: float = 0.92
    """Share of the template's vault in view that is head (good: at least .967, by MR and CT)."""
    face_cut_min: float = 0.75
    """Overlap of head and template if the face would leave the field of view.

    Good, of 78 cuts of six heads: at least .834, with noise or a cut face at least .793.
    """
    forehead_changed_max: float = 0.08
    """In the head's own axes (good: 0)."""
    face_changed_min: float = 0.10
    brain_lost_max_ml: float = Field(default=0.1, ge=0)
    """Largest volume of the subject's brain that the mask may change, on any series."""
    brain_reached_max_ml: float = Field(default=15.0, ge=0)
    """Largest volume of the subject's brain inside the face region before the brain is spared."""
    brain_min_ml: float = 700.0
    brain_max_ml: float = 2_000.0
    brain_dice_min: float = 0.92
    """CT: overlap of the subject's brain with the template's (right .943, wrong .885 to .897)."""
    carried_contrast_min: float = 1.4
    """Below it a series does not show its position.

    Right: at least 1.7, single slices too; phase alone: 1.3.
    """
    carried_move_max_mm: float = 10.0
    """Largest plausible motion of the face between two series of a session."""
    outline_overlap_min: float = Field(default=0.85, ge=0, le=1)
    """PET that shows nothing sharply: overlap (Dice) of its outline with the registered head's."""
    outline_shift_max_mm: float = 6.0
    """The same: the shift by which the outlines would overlap most; steps are 4 mm."""
    face_left_max: float = Field(default=0.10, ge=0, le=1)
    """Share of the face's surface that a mask of another engine may leave."""


class ScopeRule(Section):
    """Series that are forced through defacing, or spared; `*` is a wildcard, empty matches all."""

    modality: str = ""
    body_part: str = ""
    """Matches BodyPartExamined."""
    series: str = ""
    """Matches SeriesDescription."""
    action: Literal["force", "skip"]
    """`force`: masked even if the attributes say that it is not a head. `skip`: not masked.

    At level high, `skip` releases a series only if the image shows that it is not a head.
    """
    reason: str = Field(min_length=3, max_length=200)
    """Written to the vault's audit of the series."""


class SkinSettings(Section):
    """A region that follows the subject's skin, and when the skin is trusted."""

    least_mm: float = Field(default=3.2, ge=3, le=10)
    """At least this much of the skin goes, measured inwards from the air."""
    carried_margin_mm: float = Field(default=2.0, ge=0, le=10)
    """Growth of the region on the other series of the session."""
    off_max_mm: float = 15.0
    """Nine tenths of the skin in view lie nearer than this to the template's."""
    doubtful_max: float = Field(default=0.1, ge=0, le=1)
    """Share of the skin that a stricter threshold finds elsewhere: noise, ghosts, a coil."""
    left_max: float = Field(default=0.05, ge=0, le=1)
    """Share of the face, seen from the front, whose surface hardly moves."""


class DefaceSettings(Section):
    """When and how faces are removed."""

    when: Literal["auto", "always"] = "auto"
    """`auto` removes faces at level high; `always` does so at level low too."""
    engine: Literal["template", "pydeface", "command"] = "template"
    """`template` is ours; `pydeface` needs FSL; `command` runs a program of the site."""
    command: tuple[str, ...] = ()
    """Program and arguments; `{image}` is the NIfTI to read, `{mask}` is written (0 = removed)."""
    region: Literal["skin", "block"] = "block"
    """`skin`: below the subject's own skin, on a surface of the template; `block`: all in front."""
    skin: SkinSettings = SkinSettings()
    ears: bool | None = None
    """Whether the ears go too; by default with `skin`, where they cost little, not with `block`."""
    margin_mm: float = Field(default=2.0, ge=0, le=10)
    """Growth of the block on the registered series."""
    partial_margin_mm: float = Field(default=8.0, ge=0, le=15)
    """The same if most of the face is outside the field of view; registration is less certain."""
    carried_margin_mm: float = Field(default=4.0, ge=0, le=10)
    """Growth of the block on the other series of the session."""
    brain_margin_mm: float = Field(default=5.0, ge=0, le=12)
    """Tissue this near to the brain stays on MR and PET."""
    skull_margin_mm: float = Field(default=8.0, ge=0, le=12)
    """Tissue this near to the brain stays on CT: the skull base."""
    fill: Literal["average"] | float | None = None
    """Real value written into the mask, or `average`: the template's face, bent for each subject.

    The face is for MR and CT, not for phase, colour and PET.

    By default 0 (MR, PET), the middle of unscaled phase, -1000 HU (CT).
    """
    mask: Literal["release", "vault"] | None = None
    """Where the NIfTI masks go; by default into the release, with `average` into the vault.

    Whoever has the mask can take the made-up face off.
    """
    image_type: Literal["derived", "keep"] = "derived"
    """`derived`: value 1 of ImageType says so (MIXED on enhanced images); `keep` leaves it."""
    scope: tuple[ScopeRule, ...] = ()
    gate: GateSettings = GateSettings()

    @property
    def removes_ears(self) -> bool:
        """Whether the ears go too."""
        return self.region == "skin" if self.ears is None else self.ears

    @property
    def releases_masks(self) -> bool:
        """Whether the masks are part of the release."""
        if self.mask is None:
            return self.fill != "average"
        return self.mask == "release"

    @property
    def fill_value(self) -> float | None:
        """The real value of what shows nothing; None for the default."""
        return None if self.fill == "average" else self.fill

    @model_validator(mode="after")
    def _command_fits(self) -> DefaceSettings:
        words = " ".join(self.command)
        has_fields = "{image}" in words and "{mask}" in words
        if self.engine == "command" and not has_fields:
            raise ValueError(
                "deface.command needs a program with {image} and {mask} among its arguments"
            )
        return self
