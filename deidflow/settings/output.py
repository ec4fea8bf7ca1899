"""Section `output` of a configuration: in which layout a run leaves its release."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from deidflow.settings.sections import Section

NATIVE_BELOW_BIDS = "sourcedata"
"""Where the release of a run lies in a BIDS data set; BIDS leaves this folder to its maker."""


class OutputSettings(Section):
    """The layout of the release."""

    layout: Literal["native", "bids"] = "native"
    """`bids`: RELEASE is a BIDS data set, and the release itself lies in its sourcedata."""
    names: Path | None = None
    """YAML list of rules that name images before those of deidflow."""
    participants: Path | None = None
    """A table with a column `subject`, whose other columns go into participants.tsv."""
