"""`deidflow review`: people look at doubtful series and decide."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from deidflow.review.desk import Desk


def review(
    release: Path,
    *,
    vault: Path,
    list_: Annotated[bool, Parameter(name="--list")] = False,
    decide: tuple[str, str] | None = None,
    saw: tuple[str, ...] = (),
    undo: str = "",
    who: str = "",
    blind: str = "",
    sample: float = 100.0,
    port: int = 0,
    idle_minutes: float = 30.0,
) -> int:
    """Serve the page on which people decide on masked and withheld series, on this machine only.

    Decisions go into the vault. `withhold` takes a published session out of the release at once;
    a larger margin counts in the next run.

    Parameters
    ----------
    release: The release's folder.
    vault: The vault of its run.
    list_: Print the cases, most doubtful first, and end.
    decide: A case such as P001/M00/001-MR, and accept, larger-margin, other-engine or withhold.
    saw: With --decide: eyes, nose, mouth, ears, brow, brain-cut, not-a-head or text; repeatable.
    undo: Take back the last decision on this case.
    who: Who decides; the name of the account by default.
    blind: A word that shuffles the cases and hides names and figures until each is decided.
    sample: Percent of the published cases that are drawn; what is in quarantine is always there.
    port: The port to listen on; a free one by default.
    idle_minutes: The page closes itself after this long without use.
    """
    from deidflow.cli.review_words import account_name, open_desk, take_back, take_decision

    desk = open_desk(
        release,
        vault,
        blind=blind,
        sample=sample,
    )
    person = who or account_name()
    if decide is not None:
        return take_decision(desk, decide, saw, person)
    if undo:
        return take_back(desk, undo, person)
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

    from deidflow.cli.tables import wide_console
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
            str(case.name),
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
    return 0
