"""Images of protocols on disk, and what the official validator says of a data set."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bids.conftest import write_image
from tests.bids.protocols import Scan

EXPECTED = {
    "EVENTS_TSV_MISSING",
    "JSON_KEY_RECOMMENDED",
    "NO_AUTHORS",
    "SIDECAR_KEY_RECOMMENDED",
    "TOO_FEW_AUTHORS",
}
"""Warnings about what only a site can know, or de-identification removed."""


def write_scan(release: Path, scan: Scan) -> None:
    """An image with all that belongs to it."""
    sidecar: dict[str, Any] = {"SeriesDescription": scan.text, "EchoTime": 0.03, **scan.fields}
    if scan.guess is not None:
        sidecar["BidsGuess"] = list(scan.guess)
    write_image(release / scan.place, sidecar, scan.volumes, scan.volume_time)
    if scan.gradients:
        values = " ".join(map(str, scan.gradients))
        vectors = "\n".join([" ".join("1" for _ in scan.gradients)] * 3)
        Path(f"{release / scan.place}.bval").write_text(f"{values}\n")
        Path(f"{release / scan.place}.bvec").write_text(f"{vectors}\n")


def validated(root: Path) -> tuple[list[dict[str, Any]], set[str], int]:
    """Errors, codes of warnings that are not expected, and how many data sets were looked at."""
    validator = shutil.which("bids-validator-deno", path=str(Path(sys.executable).parent))
    if validator is None:
        pytest.skip("the extra 'validator' is not installed")
    command = [validator, "--json", "--recursive", root]
    result = subprocess.run(command, capture_output=True, text=True, check=False)

    report = json.loads(result.stdout)
    summaries = [report, *report["derivativesSummary"].values()]
    issues = [issue for summary in summaries for issue in summary["issues"]["issues"]]
    errors = [issue for issue in issues if issue["severity"] == "error"]
    others = {issue["code"] for issue in issues} - EXPECTED
    return errors, others, len(summaries)
