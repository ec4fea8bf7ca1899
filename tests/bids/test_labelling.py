"""Arterial spin labelling as BIDS: a site says what the volumes are, the rest follows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deidflow.bids.export import BidsExport, export_release, plan_export
from deidflow.errors import ConfigError
from tests.bids.conftest import write_top_file
from tests.bids.protocols import Scan
from tests.bids.scans import validated, write_scan

COMMON: dict[str, Any] = {
    "MagneticFieldStrength": 3,
    "MRAcquisitionType": "3D",
    "ArterialSpinLabelingType": "PCASL",
    "PostLabelingDelay": 1.8,
    "LabelingDuration": 1.5,
    "BackgroundSuppression": True,
}
FLAT = COMMON | {"MRAcquisitionType": "2D", "SliceTiming": [0, 0.1, 0.2, 0.3]}
PULSED = COMMON | {"ArterialSpinLabelingType": "PASL", "BolusCutOffFlag": False}
SCANS = [
    Scan("P001/M00/001-MR/defaced", "asl m0", 1),
    Scan("P001/M00/002-MR/defaced", "pcasl", 6, FLAT, guess=("perf", "_asl")),
    Scan("P001/M00/003-MR/defaced", "pcasl again", 5, COMMON),
    Scan("P001/M00/004-MR/defaced", "asl m0", 1),
    Scan("P001/M00/005-MR/defaced", "pcasl", 4, FLAT),
    Scan("P002/M00/001-MR/defaced", "pasl", 4, PULSED),
    Scan("P002/M00/002-MR/defaced", "product asl", 1, COMMON | {"TotalAcquiredPairs": 30}),
    Scan("P003/M00/001-MR/defaced", "asl m0", 1),
    Scan("P003/M00/002-MR/defaced", "pcasl again", 6, COMMON),
    Scan("P003/M00/003-MR/defaced", "pcasl", 5, COMMON),
    Scan("P003/M00/004-MR/defaced", "pcasl", 4, COMMON | {"PostLabelingDelay": [1, 2, 3]}),
    Scan("P003/M00/005-MR/defaced", "pcasl", 4, COMMON | {"MRAcquisitionType": "2D"}),
    Scan("P003/M00/006-MR/defaced", "asl nobody knows", 4, COMMON),
]
TABLE = """
- {series: '^pcasl$', name: perf/asl, context: [control, label]}
- {series: '^pcasl again', name: perf/asl, entities: {acq: m0}, context: [m0scan, control, label]}
- {series: '^pasl', name: perf/asl, context: [label, control]}
- {series: '^product', name: perf/asl, context: [deltam]}
"""
REASONS = {
    "P003/M00/001-MR": "m0scan is alone",
    "P003/M00/002-MR": "its context does not fit the volumes",
    "P003/M00/003-MR": "its context does not fit the volumes",
    "P003/M00/004-MR": "PostLabelingDelay has not one value per volume",
    "P003/M00/005-MR": "asl needs SliceTiming",
    "P003/M00/006-MR": "asl needs what its volumes are",
}


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, BidsExport]:
    """The data set, and what was said of it."""
    folder = tmp_path_factory.mktemp("labelling")
    for scan in SCANS:
        write_scan(folder / "release", scan)
    write_top_file(folder / "release")
    table = folder / "names.yaml"
    table.write_text(TABLE)
    out = folder / "bids"
    return out, export_release(folder / "release", out, table=table)


def perfusion(export: tuple[Path, BidsExport], name: str) -> dict[str, Any]:
    subject = name.split("_", 1)[0]
    path = export[0] / subject / "ses-M00" / "perf" / f"{name}.json"
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


def context(export: tuple[Path, BidsExport], name: str) -> list[str]:
    subject = name.split("_", 1)[0]
    path = export[0] / subject / "ses-M00" / "perf" / f"{name}_aslcontext.tsv"
    return path.read_text().split()


def test_the_context_is_repeated_to_the_last_volume(export: tuple[Path, BidsExport]) -> None:
    pair = ["control", "label"]
    assert context(export, "sub-P001_ses-M00_run-1") == ["volume_type", *pair, *pair, *pair]
    assert context(export, "sub-P001_ses-M00_acq-m0") == ["volume_type", "m0scan", *pair, *pair]
    assert context(export, "sub-P002_ses-M00_run-2") == ["volume_type", "deltam"]


def test_pairs_and_m0_follow_from_the_volumes_and_the_session(
    export: tuple[Path, BidsExport],
) -> None:
    found = {}
    for name in ("sub-P001_ses-M00_run-1", "sub-P001_ses-M00_acq-m0", "sub-P002_ses-M00_run-2"):
        fields = perfusion(export, f"{name}_asl")
        found[name[4:]] = fields["M0Type"], fields["TotalAcquiredPairs"]

    assert found == {
        "P001_ses-M00_run-1": ("Separate", 3),
        "P001_ses-M00_acq-m0": ("Included", 2),
        "P002_ses-M00_run-2": ("Absent", 30),
    }
    assert perfusion(export, "sub-P001_ses-M00_run-1_asl")["RepetitionTimePreparation"] == 2.0


def test_a_calibration_names_the_runs_after_it(export: tuple[Path, BidsExport]) -> None:
    runs = [
        perfusion(export, f"sub-P001_ses-M00_run-{run}_m0scan")["IntendedFor"] for run in (1, 2)
    ]
    place = "bids::sub-P001/ses-M00/perf/sub-P001_ses-M00_run"
    assert runs == [[f"{place}-1_asl.nii.gz"], [f"{place}-2_asl.nii.gz"]]


def test_what_contradicts_its_volumes_is_listed(export: tuple[Path, BidsExport]) -> None:
    reasons = {"/".join(entry.image.series.parts[-3:]): entry.why for entry in export[1].unnamed}

    assert reasons.keys() == REASONS.keys()
    for series, words in REASONS.items():
        assert words in reasons[series]


def test_the_line_to_add_asks_what_the_volumes_are(export: tuple[Path, BidsExport]) -> None:
    (line,) = [entry.line for entry in export[1].unnamed if "nobody" in entry.line]
    assert "name: perf/asl, context: [VOLUME, VOLUME]}" in line


def test_the_validator_finds_no_error(export: tuple[Path, BidsExport]) -> None:
    errors, _, _ = validated(export[0])
    assert errors == []


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("{series: a, name: perf/asl, context: [VOLUME, VOLUME]}", "context"),
        ("{series: a, name: anat/T1w, context: [control, label]}", "only 'perf/asl'"),
    ],
)
def test_a_context_that_is_not_one_is_an_error_of_the_table(
    tmp_path: Path, rule: str, words: str
) -> None:
    release = tmp_path / "release"
    release.mkdir()
    write_top_file(release)
    table = tmp_path / "names.yaml"
    table.write_text(f"- {rule}\n")

    with pytest.raises(ConfigError, match=words):
        plan_export(release, table)
