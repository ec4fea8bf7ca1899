"""How `anonymize` ended, as lines on the console and in a log; file numbers instead of paths."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Literal

from deidflow.bulk.result import Result
from deidflow.errors import EnvironmentFault, UsageError
from deidflow.settings.anonymize import AnonymizeSettings
from deidflow.verdicts import Verdict

Verbosity = Literal["quiet", "normal", "verbose"]
NOTHING_RELEASED = (
    "nothing is released: no file of the source may go out; the reasons are listed above"
)
_BAD = (Verdict.FAILED.value, Verdict.QUARANTINED.value)


def verbosity(*, quiet: bool, verbose: bool) -> Verbosity:
    """How much is shown; raises UsageError for a contradiction."""
    if quiet and verbose:
        raise UsageError("--quiet and --verbose contradict each other; give one of them")
    return "quiet" if quiet else "verbose" if verbose else "normal"


def show_plan(result: Result, paths: Sequence[str]) -> None:
    """The plan of a dry run: file, attribute, action."""
    width = max((len(attribute) for _, attribute, _ in result.plan), default=0)
    for number, attribute, action in result.plan:
        sys.stdout.write(f"{_name(number, paths)}  {attribute:{width}}  {action}\n")
    for one in result.not_released:
        sys.stdout.write(f"{_name(one.number, paths)}  {one.verdict.value}: {one.words}\n")


def show_result(
    result: Result,
    settings: AnonymizeSettings,
    shown: Verbosity = "normal",
    paths: Sequence[str] = (),
) -> None:
    """Warnings and the sum of verdicts on the console, if quiet only what went wrong; all of it in the log."""
    verbose = shown == "verbose"
    lines = _errors(result) if shown == "quiet" else _lines(result, settings, verbose, paths)
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    if settings.log is not None:
        try:
            with settings.log.open("a", encoding="utf-8") as stream:
                stream.write("".join(f"{line}\n" for line in _lines(result, settings, verbose, ())))
        except OSError as error:
            raise EnvironmentFault(f"the log cannot be written: {error.strerror}") from None


def _errors(result: Result) -> Iterator[str]:
    for verdict, words, count in result.reasons:
        if verdict in _BAD:
            yield f"deidflow: {count} {verdict}: {words}"


def _lines(
    result: Result, settings: AnonymizeSettings, verbose: bool, paths: Sequence[str]
) -> Iterator[str]:
    yield from (f"warning: {warning}" for warning in result.warnings)
    counts = ", ".join(f"{count} {verdict}" for verdict, count in result.verdicts.items() if count)
    reused = f" ({result.reused} from before, intact)" if result.reused else ""
    done = "would become" if settings.dry_run else "became"
    yield f"{result.files} files of {result.subjects} subjects {done}: {counts}{reused}"
    yield from (f"  {count} {verdict}: {words}" for verdict, words, count in result.reasons)
    if verbose:
        for one in result.not_released:
            yield f"  {_name(one.number, paths)} {one.verdict.value}: {one.words}"
    if result.is_empty:
        yield NOTHING_RELEASED
    if result.not_released and settings.vault is not None and not settings.dry_run:
        yield "which files: quarantine/anonymize.csv in the vault"


def _name(number: int, paths: Sequence[str]) -> str:
    return ascii(paths[number - 1])[1:-1] if number <= len(paths) else f"{number:06d}"
