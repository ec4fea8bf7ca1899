"""`deidflow review`: people look at doubtful series and decide."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from deidflow.cli.places import ReleaseFolder

if TYPE_CHECKING:
    from deidflow.review.desk import Desk


def review(
    release: ReleaseFolder,
    *,
    vault: Path,
    list_: Annotated[bool, Parameter(name="--list")] = False,
    decide: tuple[str, str] | None = None,
    saw: tuple[str, ...] = (),
    landmark: tuple[str, ...] = (),
    rectangle: tuple[str, ...] = (),
    undo: str = "",
    second: bool = False,
    who: str = "",
    blind: str = "",
    sample: float | None = None,
    again: float | None = None,
    port: int = 0,
    idle_minutes: float = 30.0,
) -> int:
    """Serve the page on which people decide on masked and withheld series, on this machine only.

    Decisions go into the vault. `withhold` takes a published session out of the release at once;
    every other one counts in the next run.

    Parameters
    ----------
    release: The release's folder.
    vault: The vault of its run.
    list_: Print the cases, most doubtful first, and end.
    decide: A case such as P001/M00/001-MR, and accept, larger-margin, other-engine, landmarks,
        rectangles or withhold.
    saw: With --decide: eyes, nose, mouth, ears, brow, brain-cut, not-a-head or text; repeatable.
    landmark: With the decision landmarks, three to six times: right-eye, left-eye, nose, chin,
        right-ear or left-ear and its place in LPS mm, as nose=1.5,-92,-40.
    rectangle: With the decision rectangles: TOP,LEFT,ROWS,COLUMNS in pixels of the stored images,
        counted from 0; repeatable.
    undo: Take back the last decision on this case.
    second: With --decide or --undo: it is the answer of a second look.
    who: Who decides; the name of the account by default.
    blind: A word that shuffles the cases and hides names and figures until each is decided.
    sample: Percent of the published cases that are drawn, by default that of the run; what is
        doubtful or in quarantine is always there.
    again: Percent of these that are shown a second time, by default that of the run.
    port: The port to listen on; a free one by default.
    idle_minutes: The page closes itself after this long without use.
    """
    from deidflow.cli.review_words import (
        Draw,
        Words,
        account_name,
        open_desk,
        take_back,
        take_decision,
    )

    desk = open_desk(
        release,
        vault,
        Draw(blind, sample, again),
    )
    person = who or account_name()
    if decide is not None:
        words = Words(
            *decide,
            saw=saw,
            landmarks=landmark,
            rectangles=rectangle,
            second=second,
        )
        return take_decision(desk, words, person)
    if undo:
        return take_back(desk, undo, person, second=second)
    if list_:
        return _show_cases(desk)

    from deidflow.errors import UsageError
    from deidflow.review.serve import Hours, serve

    if idle_minutes <= 0:
        raise UsageError("--idle-minutes must be more than 0")
    hours = Hours(idle_seconds=idle_minutes * 60, port=port)
    serve(desk, person, hours, _say_address)
    return 0


def _say_address(address: str) -> None:
    print(f"review, on this machine only: {address}", flush=True)
    print("the address is a key: do not pass it on; Ctrl+C closes the page", flush=True)


def _show_cases(desk: Desk) -> int:
    from rich.table import Table

    from deidflow.cli.consoles import wide_console
    from deidflow.report.words import reason_words

    table = Table(
        "case",
        "risk",
        "state",
        "why",
        "decision",
        "by",
    )
    cases = desk.cases()
    for case in cases:
        decision = case.decision if case.is_decided else None
        table.add_row(
            f"{case.name} (second look)" if case.again else str(case.name),
            f"{case.risk:.0%}",
            case.series.state if case.is_out else "withheld",
            reason_words(case.series.reason) if case.series.reason else "",
            decision.action.value if decision else "",
            f"{decision.who} {decision.when}" if decision else "",
        )
    console = wide_console()
    console.print(table)
    progress = desk.progress(cases)
    console.print(f"{progress.decided} of {progress.cases} cases are decided")
    if desk.agreement().pairs:
        console.print(desk.agreement().words)
    return 0
