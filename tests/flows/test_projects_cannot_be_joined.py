"""Releases of one source for two projects: nothing of one is found in the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest

from tests.flows.conftest import new_site

IDENTIFYING = {"UI", "PN", "DA", "DT"}
"""Representations whose values could join two releases; what else is kept describes the image."""
_STANDARD = "1.2.840.10008."


def joining_values(release: Path) -> Iterator[tuple[str, str]]:
    """Keyword and value of all that may identify, and names of folders."""
    for path in release.rglob("*.dcm"):
        header = pydicom.dcmread(path)
        for element in [*header.iterall(), *header.file_meta]:
            value = str(element.value)
            is_known = value.startswith(_STANDARD) or not value or element.VM != 1
            if (element.VR in IDENTIFYING or element.keyword == "PatientID") and not is_known:
                yield element.keyword, value


@pytest.mark.slow
def test_nothing_of_two_projects_joins(one_server: None, tmp_path: Path) -> None:
    site = new_site(tmp_path)
    releases = []
    for project in ("first", "second"):
        release = tmp_path / project
        site.run(project=project, release=release, ids={"strategy": "deterministic"})
        releases.append(set(joining_values(release)))

    ours, theirs = releases
    kinds = {keyword for keyword, _ in ours}
    assert {
        "SOPInstanceUID",
        "FrameOfReferenceUID",
        "StudyDate",
        "PatientName",
        "PatientID",
    } <= kinds
    program = {
        ("ImplementationClassUID", value) for key, value in ours if key == "ImplementationClassUID"
    }
    assert ours & theirs <= program
    ids = [(tmp_path / project / "dataset.json").read_text() for project in ("first", "second")]
    assert len({line for text in ids for line in text.splitlines() if "release_id" in line}) == 2
