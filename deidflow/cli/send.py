"""`deidflow send`: published sessions are sent to an archive."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from deidflow.pacs.send_result import SendResult


def send(
    release: Path | None = None,
    *,
    config: Path | None = None,
    subjects: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    now: Annotated[bool, Parameter(negative="")] = False,
    again: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Send the DICOM objects of a finished release to the archive of 'pacs.send'.

    Each goes once: the vault has a list of what was sent to whom. Only sessions are sent whose
    files are as the release's checksums say. Ends with exit code 4 where a session may not be
    sent, 5 where the archive refused something or went away; the same command carries on.

    Parameters
    ----------
    release: The release; by default that of the configuration.
    config: YAML file with source, release, vault and the section 'pacs'.
    subjects: Pseudonyms to send; by default all.
    now: Do not wait for the window of 'pacs.send.window'.
    again: Send also what was sent before with other bytes under the same UID.
    """
    from deidflow.pacs.send import send_release
    from deidflow.pacs.window import WindowUse
    from deidflow.release.dataset import read_review
    from deidflow.settings.load import load_settings
    from deidflow.settings.pacs import required_send
    from deidflow.store.process import stop_on_signals

    settings = load_settings({"release": release}, config)
    asked = required_send(settings.pacs)
    if asked.xnat is not None:
        print(
            f"objects are sent with a text for XNAT in {asked.xnat.attribute}, "
            "and differ from the release in that"
        )
    review = read_review(settings.release)
    if review is not None and not review.is_final:
        print("warning: this release is not final: its review has not ended", file=sys.stderr)
    stop_on_signals()
    result = send_release(
        settings,
        tuple(subjects or ()),
        again=again,
        window=WindowUse.IGNORE if now else WindowUse.WAIT,
        tell=lambda line: print(line, flush=True),
    )
    _show(result)
    return result.exit_code


def _show(result: SendResult) -> None:
    print(f"instances sent: {result.sent}; sent before: {result.already}")
    if result.coerced:
        print(f"{result.coerced} of them the archive changed; it says so")
    problems = [f"{count} not sent: {words}" for words, count in sorted(result.refused.items())]
    if result.changed:
        problems.append(
            f"{result.changed} were sent before with other bytes under the same UID; "
            "delete them in the archive, then send with --again"
        )
    if result.left:
        problems.append(f"{result.left} sessions are left for the next window")
    if result.lost:
        problems.append(f"{result.lost}; send again to carry on")
    for line in problems:
        print(f"deidflow: {line}", file=sys.stderr)
