"""`deidflow demo`: the whole pipeline on a small cohort of nobody."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deidflow.demo.cohort import Expected
    from deidflow.run.summary import RunSummary


def demo(folder: Path = Path("demo"), *, workers: int | None = None) -> int:
    """Make a small cohort with faces and planted identifiers, run the pipeline at level high, check
    what came out.

    Parameters
    ----------
    folder: Where the cohort, the release and the vault are made; an earlier demo there is replaced.
    workers: Subjects at work at once.
    """
    from deidflow.cli.run import summary_of_run
    from deidflow.cli.tables import show_summary
    from deidflow.demo.cohort import make_cohort
    from deidflow.errors import UsageError
    from deidflow.settings.load import load_settings

    if folder.exists() and any(folder.iterdir()) and not (folder / _MARK).exists():
        raise UsageError("the folder exists and was not made by `deidflow demo`; choose another")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / _MARK).write_text("made by deidflow demo; may be deleted\n")
    print("making a cohort of three subjects ...")
    expected = make_cohort(folder / "source")
    flags = {
        "source": folder / "source",
        "release": folder / "release",
        "vault": folder / "vault",
        "level": "high",
        # What the demo shows is the same with and without the extra that reads text in pixels.
        "burned_in": {"read": "never"},
    }
    settings = load_settings(
        flags | {"workers": workers},
        environment={},
    )
    summary = summary_of_run(settings)
    show_summary(summary)
    problems = _problems(summary, expected, folder)
    print(
        "\n".join(
            [*(f"NOT as planned: {problem}" for problem in problems), *_where(folder, problems)]
        )
    )
    return 1 if problems else 0


_MARK = ".deidflow-demo"


def _problems(summary: RunSummary, expected: Expected, folder: Path) -> list[str]:
    """What did not come out as planned."""
    if summary.error:
        return [summary.error]

    problems = []
    for verdict, count in summary.verdicts.items():
        planned = expected.verdicts.get(verdict, 0)
        if count != planned:
            problems.append(f"{count} files {verdict} instead of {planned}")

    states = _states(summary)
    if states != expected.states or len(summary.sessions) != expected.sessions:
        problems.append(f"series came out as {states} instead of {expected.states}")
    return problems + _leaks(folder / "release", expected.planted)


def _states(summary: RunSummary) -> dict[str, int]:
    """State -> series of all sessions."""
    states = Counter[str]()
    for row in summary.sessions:
        states.update(row.series)
    return dict(states)


def _leaks(release: Path, planted: tuple[str, ...]) -> list[str]:
    from deidflow.checks.leaks import LeakSearch
    from deidflow.checks.ours import Ours
    from deidflow.checks.own import OwnIdentifiers
    from deidflow.checks.staged import check_leaks

    pairs = [(kind, value) for value in planted for kind in ("name", "number")]
    search = LeakSearch(OwnIdentifiers.of(pairs), Ours())
    return [
        f"{finding.count} planted identifiers in {finding.place}"
        for finding in check_leaks(release, search)
    ]


def _where(folder: Path, problems: list[str]) -> list[str]:
    lines = (
        [] if problems else ["All came out as planned; no planted identifier is in the release."]
    )
    return [
        *lines,
        f"  what went in:        {folder / 'source'}",
        f"  what can be shared:  {folder / 'release'}",
        f"  what must not:       {folder / 'vault'}",
    ]
