"""What our own commands write is clean to the verifier, whatever profile made it."""

from __future__ import annotations

from pathlib import Path

import pytest

import deidflow
from deidflow.errors import UsageError
from deidflow.verifier.claims import PROFILES
from deidflow.verifier.options import VerifyOptions
from deidflow.verifier.verify import judged
from tests.synthetic import save_series


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("layout", [None, "mirror"])
def test_headers_alone_are_clean(tmp_path: Path, profile: str, layout: str | None) -> None:
    save_series(tmp_path / "in", 2)
    deidflow.anonymize(
        tmp_path / "in",
        tmp_path / "out",
        profile=profile,
        level="low" if profile == "low" else "high",
        layout=layout,
    )

    report, _ = judged(VerifyOptions(release=tmp_path / "out"))
    assert report.findings == []
    assert report.files["DICOM"] == 2


@pytest.mark.parametrize("profile", ["research", "pseudonymize"])
def test_who_asks_for_a_level_hears_that_it_is_not_reached(tmp_path: Path, profile: str) -> None:
    save_series(tmp_path / "in", 1)
    deidflow.anonymize(tmp_path / "in", tmp_path / "out", profile=profile)

    report, _ = judged(VerifyOptions(release=tmp_path / "out", level="low"))
    assert {str(finding.check) for finding in report.findings} >= {"criteria"}


def test_the_vault_of_headers_alone_is_of_no_use(tmp_path: Path) -> None:
    save_series(tmp_path / "in", 1)
    deidflow.anonymize(tmp_path / "in", tmp_path / "out", vault=tmp_path / "vault")

    options = VerifyOptions(
        release=tmp_path / "out", vault=tmp_path / "vault", source=tmp_path / "in"
    )
    with pytest.raises(UsageError, match="output of 'deidflow anonymize'"):
        judged(options)
