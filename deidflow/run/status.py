"""Where every subject and step of a release stands, from the records alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deidflow.errors import UsageError
from deidflow.release.layout import SESSION_FOLDER, Layout
from deidflow.settings.run import STEPS
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
    gone = {tuple(row) for row in read_json(layout.gone_table) or []}
    running = is_held(layout.release_lock)
    error = (read_json(layout.summary) or {}).get("error", "")
    rows = [row for pseudonym in layout.known_subjects() for row in _sessions(layout, pseudonym)]
    return {
        "running": running,
        "interrupted": not running and (bool(layout.unfinished_runs()) or bool(error)),
        "error": "" if running else error,
        "sessions": [row | {"gone": (row["subject"], row["session"]) in gone} for row in rows],
    }


def _sessions(layout: Layout, pseudonym: str) -> list[dict[str, Any]]:
    outcome = read_json(layout.outcome(pseudonym)) or {}
    folders = sorted(
        one.name
        for one in layout.subject(pseudonym).iterdir()
        if SESSION_FOLDER.fullmatch(one.name)
    )
    return [_session(layout, pseudonym, label, outcome.get(label, {})) for label in folders]


def _session(layout: Layout, pseudonym: str, label: str, outcome: dict[str, Any]) -> dict[str, Any]:
    store = StepStore(layout.session_work(pseudonym, label))
    places = {step: (store.folder / step,) for step in STEPS} | {
        "reconstruct": (layout.staged(pseudonym, label), layout.published(pseudonym, label))
    }
    steps: dict[str, str] = {
        step: _step(store, step, *places[step]) for step in STEPS if step != "publish"
    }
    steps["publish"] = _published(store, layout.published(pseudonym, label), steps["reconstruct"])
    return {"subject": pseudonym, "session": label, "steps": steps, **_counts(outcome)}


def _published(store: StepStore, place: Path, built: str) -> str:
    """`done` where the release holds what was built last, `stale` where it holds something else."""
    if not place.is_dir():
        return "-"
    recorded = store.manifest("reconstruct")
    fits = recorded is not None and built != "stale" and recorded.intact(place)
    return "done" if fits else "stale"


def _step(store: StepStore, step: str, *places: Path) -> str:
    record = read_json(store.record_path(step))
    if not isinstance(record, dict):
        return "-"
    if "failed" in record:
        return "failed"
    manifest = Manifest.from_json(record["outputs"])
    if store.is_outdated(record) or not any(manifest.intact(place) for place in places):
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
