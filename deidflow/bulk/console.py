"""The result of `anonymize` as lines on the console and in a log; file numbers, not paths."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from deidflow.bulk.result import Result
from deidflow.errors import EnvironmentFault, UsageError
from deidflow.settings.anonymize import AnonymizeSettings
from deidflow.verdicts import Verdict

Verbosity = Literal["quiet", "normal", "verbose"]
NOTHING_RELEASED = (
    "nothing is released: no file of the source may go out; the reasons are listed above"
)
_ERRORS = (Verdict.FAILED, Verdict.QUARANTINED)


def verbosity(*, quiet: bool, verbose: bool) -> Verbosity:
    """How much is shown; raises UsageError if both flags are given."""
    if quiet and verbose:
        raise UsageError("--quiet and --verbose contradict each other; give one of them")
    if quiet:
        return "quiet"
    return "verbose" if verbose else "normal"


def show_plan(result: Result, paths: Sequence[str]) -> None:
    """Print the plan of a dry run: file, attribute, action.

    Files are named by their numbers, or by their paths if these are given.
    """
    lengths = [len(change.attribute) for change in result.plan]
    width = max(lengths, default=0)
    for number, attribute, action in result.plan:
        cells = (
            _file_name(number, paths),
            attribute.ljust(width),
            action,
        )
        print("  ".join(cells))

    for file in result.not_released:
        name = _file_name(file.number, paths)
        print(f"{name}  {file.verdict}: {file.words}")


def show_result(
    result: Result,
    settings: AnonymizeSettings,
    shown: Verbosity = "normal",
    paths: Sequence[str] = (),
) -> None:
    """Print warnings and counts, if quiet only errors; the log gets everything in any case."""
    verbose = shown == "verbose"
    lines = _lines(
        result,
        settings,
        verbose,
        paths,
    )
    if shown == "quiet":
        lines = _errors(result)
    text = _text(lines)
    sys.stderr.write(text)

    if settings.log is not None:
        log_lines = _lines(
            result,
            settings,
            verbose,
            paths=(),
        )
        text = _text(log_lines)
        _append(settings.log, text)


def _append(log: Path, text: str) -> None:
    try:
        with log.open("a", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise EnvironmentFault(f"the log cannot be written: {error.strerror}") from None


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _errors(result: Result) -> Iterator[str]:
    for verdict, words, count in result.reasons:
        if verdict in _ERRORS:
            yield f"deidflow: {count} {verdict}: {words}"


def _lines(
    result: Result, settings: AnonymizeSettings, verbose: bool, paths: Sequence[str]
) -> Iterator[str]:
    for warning in result.warnings:
        yield f"warning: {warning}"
    yield _counts(result, settings)
    for verdict, words, count in result.reasons:
        yield f"  {count} {verdict}: {words}"
    if verbose:
        for file in result.not_released:
            name = _file_name(file.number, paths)
            yield f"  {name} {file.verdict}: {file.words}"

    if result.is_empty:
        yield NOTHING_RELEASED
    has_table = settings.vault is not None and not settings.dry_run
    if has_table and result.not_released:
        folder = f"quarantine/{settings.project}-{settings.level}"
        yield f"which files: {folder}/anonymize.csv in the vault"


def _counts(result: Result, settings: AnonymizeSettings) -> str:
    """Files, subjects, and the count of each verdict."""
    counts: list[str] = []
    for verdict, count in result.verdicts.items():
        if count:
            counts.append(f"{count} {verdict}")

    line = f"{result.files} files of {result.subjects} subjects"
    line += " would become: " if settings.dry_run else " became: "
    line += ", ".join(counts)
    if result.reused:
        line += f" ({result.reused} from before, intact)"
    return line


def _file_name(number: int, paths: Sequence[str]) -> str:
    if number > len(paths):
        return f"{number:06d}"
    path = paths[number - 1]
    return ascii(path)[1:-1]
