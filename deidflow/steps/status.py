"""Where every subject and step of a release stands, from the records alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deidflow.config import STEPS
from deidflow.errors import UsageError
from deidflow.release.layout import SESSION_FOLDER, SUBJECT_FOLDER, Layout
from deidflow.store.files import Manifest, read_json
from deidflow.store.locks import is_held
from deidflow.store.record import StepStore


def status_of(release: Path, vault: Path) -> dict[str, Any]:
    """Each subject's sessions with the state of every step; needs no Prefect and no secret."""
    dataset = read_json(release / "dataset.json")
    if not isinstance(dataset, dict):
        raise UsageError("there is no release in this folder; run 'deidflow run' first")
    layout = Layout(release, vault, str(dataset["project"]), str(dataset["level"]))
    if not layout.work.is_dir():
        raise UsageError("this vault has not made this release; name the vault of its run")
    subjects = sorted(
        folder.name for folder in layout.work.iterdir() if SUBJECT_FOLDER.fullmatch(folder.name) and folder.is_dir()
    )
    return {
        "running": is_held(layout.release_lock),
        "sessions": [row for pseudonym in subjects for row in _sessions(layout, pseudonym)],
    }


def _sessions(layout: Layout, pseudonym: str) -> list[dict[str, Any]]:
    outcome = read_json(layout.outcome(pseudonym)) or {}
    folders = sorted(one.name for one in layout.subject(pseudonym).iterdir() if SESSION_FOLDER.fullmatch(one.name))
    return [_session(layout, pseudonym, label, outcome.get(label, {})) for label in folders]


def _session(layout: Layout, pseudonym: str, label: str, outcome: dict[str, Any]) -> dict[str, Any]:
    steps: dict[str, str] = {step: _step(layout, pseudonym, label, step) for step in STEPS if step != "publish"}
    built, published = steps["reconstruct"], layout.published(pseudonym, label).is_dir()
    steps["publish"] = "done" if published and built != "stale" else "stale" if published else "-"
    return {"subject": pseudonym, "session": label, "steps": steps, **_counts(outcome)}


def _step(layout: Layout, pseudonym: str, label: str, step: str) -> str:
    store = StepStore(layout.session_work(pseudonym, label))
    record = read_json(store.record_path(step))
    if not isinstance(record, dict):
        return "-"
    if "failed" in record:
        return "failed"
    places = [store.folder / step]
    if step == "reconstruct":
        places = [layout.staged(pseudonym, label), layout.published(pseudonym, label)]
    manifest = Manifest.from_json(record["outputs"])
    if not any(manifest.intact(place) for place in places):
        return "stale"
    series = record["result"].get("series", {}).values()
    held = any(one["state"] == "quarantined" for one in series) or record["result"].get("findings")
    return "quarantined" if held else "done"


def _counts(outcome: dict[str, Any]) -> dict[str, int]:
    """Files of the last run: written anew, reused from an earlier one, not released."""
    series = outcome.get("series", {}).values()
    released = sum(one["instances"] for one in series if one["verdict"] == "released")
    reused = outcome.get("steps", {}).get("reconstruct") == "cached"
    return {
        "written": 0 if reused else released,
        "reused": released if reused else 0,
        "failed": sum(one["instances"] for one in series if one["verdict"] == "failed"),
        "quarantined": sum(one["instances"] for one in series if one["verdict"] == "quarantined"),
    }
