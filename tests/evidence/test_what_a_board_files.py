"""The folder says what was done, withheld and approved, in words, tables and parts."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from deidflow.errors import UsageError
from deidflow.evidence.conformance import conformance_rows
from deidflow.evidence.folder import Statement, write_evidence
from deidflow.evidence.parts_list import installed_parts
from deidflow.header.load_profile import NAMES, load_profile
from deidflow.resources import load_yaml
from tests.browser import Watched, headless
from tests.evidence.conftest import Filed, keys_of
from tests.synthetic_release import SOURCE_PATH


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_conformance_table_says_action_options_scope_and_dummy(filed: Filed) -> None:
    rows = {row["attribute"]: row for row in rows_of(filed.folder / "conformance.csv")}

    assert len(rows) > 600
    assert rows["PatientAddress"]["action"] == "remove"
    assert rows["PatientAddress"]["code"] == "X"
    uid = rows["SOPInstanceUID"]
    assert (uid["basic"], uid["code"]) == ("U", "U")
    assert "HMAC-SHA-256" in uid["dummy"]
    assert "every instance" in uid["uid_scope"]
    assert "clean_descriptors: C" in rows["StudyDescription"]["options"]


@pytest.mark.parametrize("name", NAMES)
def test_every_action_of_every_profile_has_words(name: str) -> None:
    for row in conformance_rows(load_profile(name)):
        if row.tag != "oddg,roup" and row.action != "listed ones stay":
            assert row.how, row.attribute


def test_actions_are_described_once_each() -> None:
    from typing import get_args

    from deidflow.header.profile import ActionName

    assert set(load_yaml("report/actions.yaml")) == set(get_args(ActionName))


def test_what_was_withheld_adds_up(filed: Filed) -> None:
    rows = rows_of(filed.folder / "withheld.csv")

    assert sum(int(row["files"]) for row in rows) == 7
    assert "gate-agreement" in {row["reason"] for row in rows}


def test_approvals_name_who_when_and_what_was_shown(filed: Filed) -> None:
    (row,) = rows_of(filed.folder / "approvals.csv")

    assert row["who"] == "Dr. Lovelace"
    assert row["seen"] == "a" * 64
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["when"])
    assert row["is_current"] == "True"


def test_the_parts_list_is_cyclonedx_with_every_part(filed: Filed) -> None:
    bill = json.loads((filed.folder / "sbom.cdx.json").read_text())

    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "deidflow"
    names = {component["name"] for component in bill["components"]}
    assert {"pydicom", "nibabel", "simpleitk", "dcm2niix", "prefect"} <= names
    assert names == set(installed_parts())


def test_nothing_leads_back_to_the_source(filed: Filed) -> None:
    for path in filed.folder.iterdir():
        text = path.read_bytes().decode("utf-8", "replace")
        assert SOURCE_PATH.split("/")[0] not in text, path.name
        assert str(filed.layout.vault) not in text, path.name


def test_it_is_never_called_anonymous(filed: Filed) -> None:
    for name in ("index.html", "methods.txt"):
        text = (filed.folder / name).read_text("utf-8").lower()
        assert "pseudonymous" in text
        assert not re.search(r"\banonym(ous|ised|ized)", text), name


def test_the_page_is_one_file_that_asks_nobody(filed: Filed) -> None:
    with headless() as browser:
        page = browser.new_page()
        watched = Watched(page)
        page.goto((filed.folder / "index.html").as_uri())
        assert "the data office" in page.locator("#key").inner_text()
        assert "Dr. Lovelace" in page.locator("#approvals").inner_text()
        assert filed.fingerprint in page.locator("#again").inner_text()
        assert watched.asked_elsewhere("file:") == []
        assert watched.complaints == []


def test_a_record_of_an_independent_check_is_filed_with_it(filed: Filed, tmp_path: Path) -> None:
    record = tmp_path / "checked.json"
    record.write_text('{"findings": []}')
    statement = Statement(verification=record)
    write_evidence(filed.layout, keys_of(filed.layout), filed.folder, statement)

    assert (filed.folder / "verification.json").read_bytes() == record.read_bytes()
    assert "verification.json" in (filed.folder / "index.html").read_text("utf-8")


def test_it_is_not_written_into_the_release(filed: Filed) -> None:
    inside = filed.layout.release / "evidence"

    with pytest.raises(UsageError, match="inside the release"):
        write_evidence(filed.layout, keys_of(filed.layout), inside, Statement())


def test_a_folder_with_other_files_is_left_alone(filed: Filed, tmp_path: Path) -> None:
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "chapter.txt").write_text("mine")

    with pytest.raises(UsageError, match="other files"):
        write_evidence(filed.layout, keys_of(filed.layout), folder, Statement())
