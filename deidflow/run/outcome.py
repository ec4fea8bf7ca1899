"""How a session ended, from the results of its steps: what tables, status and exit code are made of."""

from __future__ import annotations

from typing import Any

from deidflow.checks.findings import DIFFER
from deidflow.run import fitness
from deidflow.run.context import SessionRun
from deidflow.steps.verify import words_of
from deidflow.verdicts import Reason, Verdict

_ORDER = ("reconstruct", "deface", "convert", "anonymize")


def session_outcome(session: SessionRun) -> dict[str, Any]:
    """For each series verdict, step and reason; whether a step failed; whether anything was written."""
    failed_step, failure = session.failed
    series = {
        one.name: _series(session, one.name, failed_step, failure) | {"instances": len(one.files)}
        for one in session.session.series
    }
    return {
        "series": series,
        "failed": failed_step,
        "contacts": _contacts(session, series),
        "withheld": sum(row["verdict"] == Verdict.QUARANTINED.value for row in series.values()),
        "findings": session.finished["verify"].result["findings"]
        if "verify" in session.finished
        else [],
        "doubtful": session.finished["verify"].result["doubtful"]
        if "verify" in session.finished
        else {},
        "shown": session.shown,
        "steps": {
            step: "cached" if done.cached else "done" for step, done in session.finished.items()
        },
    }


def _contacts(session: SessionRun, series: dict[str, Any]) -> list[list[Any]]:
    """Private elements of released series that look like a way to a person: attribute, kind, files."""
    done = session.finished.get("anonymize")
    results = done.result["series"] if done is not None else {}
    released = [name for name, row in series.items() if row["verdict"] == Verdict.RELEASED.value]
    return [found for name in released for found in results.get(name, {}).get("contacts", [])]


def _series(session: SessionRun, name: str, failed_step: str, failure: str) -> dict[str, Any]:
    if failed_step:
        return _row(Verdict.FAILED, failed_step, failure, "failed")
    built = session.finished["reconstruct"].result["series"][name]
    if built["state"] == "quarantined":
        return _row(
            Verdict.QUARANTINED, _deciding_step(session, name), built["reason"], built["state"]
        )
    if not fitness.may_go_out(session):
        findings = session.finished["verify"].result["findings"]
        said = {finding["what"].split(":")[0] for finding in findings}
        reason = (
            Reason.LEAK_FOUND
            if "leak" in said
            else Reason.PIXELS_DIFFER
            if DIFFER in said
            else Reason.CHECK_FAILED
        )
        row = _row(Verdict.QUARANTINED, "verify", str(reason.value), "held")
        return row | {"detail": words_of(findings)}
    return _row(Verdict.RELEASED, "publish", "", built["state"])


def _row(verdict: Verdict, step: str, reason: str, state: str) -> dict[str, Any]:
    return {"verdict": verdict.value, "step": step, "reason": reason, "state": state}


def _deciding_step(session: SessionRun, name: str) -> str:
    """The earliest step that withheld the series."""
    for step in reversed(_ORDER):
        done = session.finished.get(step)
        if done is not None and done.result["series"].get(name, {}).get("state") == "quarantined":
            return step
    return "reconstruct"
