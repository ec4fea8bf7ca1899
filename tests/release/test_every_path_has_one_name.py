"""Paths of a run: private ones are in the vault, and projects are apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from deidflow.release.layout import Layout, slice_names
from deidflow.settings.run import RunSettings
from deidflow.store.files import write_json_atomic
from tests.release.conftest import publish_session


def test_the_paths_of_settings(tmp_path: Path) -> None:
    settings = RunSettings(
        source=tmp_path / "in",
        release=tmp_path / "release",
        vault=tmp_path / "vault",
        level="low",
        project="trial",
    )
    layout = Layout.of(settings)

    assert layout.release == tmp_path / "release"
    assert layout.work == tmp_path / "vault" / "work" / "trial-low"
    assert layout.staging == tmp_path / ".release.deidflow"


def test_everything_private_is_in_the_vault(layout: Layout) -> None:
    private = [
        layout.withdrawn,
        layout.work_lock,
        layout.templates,
        layout.settings_of("1a2b"),
        layout.fault_of("1a2b"),
        layout.summary,
        layout.prefect_home,
        layout.quarantine_table,
        layout.own_quarantine_table,
        layout.absent_table,
        layout.own_absent_table,
        layout.instances_table,
        layout.versions,
        layout.gone_table,
        layout.tool_log,
        layout.neighbours,
        layout.doubtful_table,
        layout.order("P001"),
        layout.outcome("P001"),
        layout.subject_lock("P001"),
        layout.revisions("P001", "M00"),
        layout.rules("P001", "M00"),
        layout.review("P001", "M00"),
    ]

    assert all(path.is_relative_to(layout.vault) for path in private)
    assert len(set(private)) == len(private)


def test_projects_and_levels_share_no_work(layout: Layout) -> None:
    others = [replace(layout, project="other"), replace(layout, level="low")]

    for other in others:
        assert other.work != layout.work
        assert other.instances_table != layout.instances_table
        assert other.own_quarantine_table != layout.own_quarantine_table
        assert other.quarantine_table == layout.quarantine_table
        assert other.review("P001", "M00") != layout.review("P001", "M00")


def test_published_sessions_are_listed_in_order(layout: Layout) -> None:
    for pseudonym, label in [("P002", "M00"), ("P001", "M06"), ("P001", "M00")]:
        publish_session(layout, pseudonym, label)
    (layout.release / "dataset.json").touch()
    (layout.release / "P001" / "my notes").mkdir()
    (layout.release / ".hidden").mkdir()

    assert layout.published_sessions() == [("P001", "M00"), ("P001", "M06"), ("P002", "M00")]


def test_a_release_that_does_not_exist_has_no_sessions(layout: Layout) -> None:
    assert layout.published_sessions() == []
    assert layout.known_subjects() == []


def test_known_subjects_are_folders_with_names_of_pseudonyms(layout: Layout) -> None:
    for name in ("P002", "P001", ".scratch", "neighbours data"):
        (layout.work / name).mkdir(parents=True)
    for name in ("P001", "P002"):
        layout.order(name).touch()
    (layout.work / "neighbours").mkdir()
    (layout.work / "versions.json").touch()
    (layout.work / "P003").touch()

    assert layout.known_subjects() == ["P001", "P002"]


def test_known_sessions_of_a_subject(layout: Layout) -> None:
    for label in ("M06", "M00", "baseline", "my records"):
        layout.session_work("P001", label).mkdir(parents=True)

    assert layout.known_sessions("P001") == ["M00", "M06", "baseline"]
    assert layout.known_sessions("P002") == []


def test_unfinished_runs_are_those_of_the_same_project_and_level(layout: Layout) -> None:
    scopes = {
        "mine": {"project": "trial", "level": "high"},
        "other": {"project": "other", "level": "high"},
        "low": {"project": "trial", "level": "low"},
    }
    for run_id, settings in scopes.items():
        write_json_atomic(layout.settings_of(run_id), {"settings": settings})
    layout.settings_of("cut").write_text('{"settings": ')

    assert layout.unfinished_runs() == [layout.settings_of("mine")]


@pytest.mark.parametrize(
    ("count", "first", "last"),
    [
        (1, "slice_001.dcm", "slice_001.dcm"),
        (999, "slice_001.dcm", "slice_999.dcm"),
        (1000, "slice_0001.dcm", "slice_1000.dcm"),
    ],
)
def test_slices_sort_by_their_names(count: int, first: str, last: str) -> None:
    names = slice_names(count)

    assert (names[0], names[-1], len(names)) == (first, last, count)
    assert sorted(names) == list(names)
