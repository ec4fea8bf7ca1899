"""`deidflow run`: the whole pipeline in one command."""

from __future__ import annotations

import logging
import os
import secrets
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from deidflow.bulk.console import Verbosity, verbosity
from deidflow.cli.subjects import selection
from deidflow.errors import EnvironmentFault
from deidflow.release.layout import Layout
from deidflow.settings.load import load_plan_settings, load_settings
from deidflow.settings.run import Level, RunSettings
from deidflow.store.imports import loading

if TYPE_CHECKING:
    from deidflow.identity.vault import Vault
    from deidflow.run.summary import RunSummary


def run(
    source: Path | None = None,
    release: Path | None = None,
    *,
    vault: Path | None = None,
    level: Level | None = None,
    profile: str | None = None,
    config: Path | None = None,
    project: str | None = None,
    subjects: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    redo: str | None = None,
    workers: int | None = None,
    log: Path | None = None,
    strict: bool | None = None,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    quiet: Annotated[bool, Parameter(negative="")] = False,
    verbose: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """De-identify a folder of raw DICOM subjects into a release.

    Parameters
    ----------
    source: Folder with the raw DICOM files, which is only read; or a file, @LIST, or a manifest.
    release: Folder that can be shared afterwards.
    vault: Folder for everything that could re-identify: identities, secret, quarantine.
    level: low keeps faces, shifts dates; high removes faces and dates (the default).
    profile: Name or file of other header rules; the level still decides on faces.
    config: YAML file with any of these settings and more.
    project: Name of the project or recipient; releases of different projects cannot be joined.
    subjects: Pseudonyms, or @FILE with source folders or PatientIDs, one per line.
    redo: Do this step and all that follow again.
    workers: Subjects at work at once; by default as many as cores and memory allow.
    log: File for the lines of progress.
    strict: Hash every file again instead of trusting size, times and inode.
    dry_run: Only say what would be done, as `deidflow plan` does; writes nothing.
    quiet: Show errors only: what failed or is in quarantine.
    verbose: Also list each series with its end, step and reason.
    """
    from deidflow.cli.plan import show_plan

    shown = verbosity(quiet=quiet, verbose=verbose)
    flags = {
        "source": source,
        "release": release,
        "vault": vault,
        "level": level,
        "project": project,
        "profile": profile,
        "subjects": selection(subjects),
        "redo": redo,
        "workers": workers,
        "log": log,
        "strict": strict,
    }
    if dry_run:
        return show_plan(load_plan_settings(flags, config))
    return execute(load_settings(flags, config), shown)


def execute(settings: RunSettings, verbosity: Verbosity = "normal") -> int:
    """Run the pipeline with these settings and show how it ended; returns the exit code."""
    from deidflow.cli.tables import show_errors, show_series, show_summary

    quiet = verbosity == "quiet"
    if not quiet:
        _warn(settings)
    summary = summary_of_run(settings, quiet=quiet)
    code = show_errors(summary) if quiet else show_summary(summary)
    if verbosity == "verbose":
        show_series(summary, Layout.of(settings))
    if summary.server_lost:
        # Prefect's threads would go on for minutes trying to deliver what nobody takes any more.
        sys.stdout.flush()
        os._exit(code)
    return code


def _warn(settings: RunSettings) -> None:
    """Say before the work what the settings let out."""
    from deidflow.burned.installed import reader_warnings
    from deidflow.settings.effective import effective_profile
    from deidflow.settings.profile_warnings import profile_warnings

    warnings = (
        *profile_warnings(
            settings,
            effective_profile(settings),
        ),
        *reader_warnings(settings.burned_in),
    )
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)


def summary_of_run(settings: RunSettings, *, quiet: bool = False) -> RunSummary:
    """Run the pipeline and show its progress; a run that broke has a summary with an error."""
    from deidflow.cli.progress import shown
    from deidflow.run.idle import idle_run
    from deidflow.run.start import locked_run
    from deidflow.run.unchanged import Surroundings
    from flows.hosting.server import show_idle_run

    run_id = secrets.token_hex(4)
    with locked_run(settings) as vault, shown(settings.log, quiet=quiet):
        surroundings = Surroundings.of(settings, vault)
        idle = idle_run(surroundings, run_id, vault)
        if idle is not None:
            show_idle_run(surroundings.layout.prefect_home, run_id)
            return idle
        server_lost = _flow(run_id, settings, vault)
        summary = _summary(surroundings.layout, run_id)
        surroundings.note_end(summary)
        return summary.updated(server_lost=server_lost)


def _summary(layout: Layout, run_id: str) -> RunSummary:
    from deidflow.run.summary import RunSummary, read_summary

    summary = read_summary(layout.summary)
    if summary is not None and summary.run == run_id:
        return summary
    return RunSummary(
        run=run_id,
        exit_code=1,
        error="the run ended without a result",
    )


def _flow(run_id: str, settings: RunSettings, vault: Vault) -> bool:
    """Run the flow; returns whether the Prefect server went away in it."""
    from deidflow.run.context import warm_up
    from deidflow.store.process import stop_on_signals
    from flows.hosting.server import server
    from flows.hosting.server_process import is_reached

    stop_on_signals()
    warm_up(settings)
    # Else Prefect writes about each line of log that its server did not take.
    logging.raiseExceptions = False
    layout = Layout.of(settings)
    with server(layout.prefect_home, _load_flow) as ours:
        try:
            _stored_flow(
                run_id,
                settings,
                vault,
                ours=ours,
            )
        except Exception as error:  # noqa: BLE001 - a server that is gone may raise anything
            if is_reached() and not _has_ended(layout, run_id):
                raise _refused(error) from None
        return not is_reached()


def _load_flow() -> None:
    """Load what the run needs while its server starts."""
    with loading():
        import flows.deidentify  # noqa: F401


def _stored_flow(run_id: str, settings: RunSettings, vault: Vault, *, ours: bool) -> None:
    """Run the flow; where the server is ours, wait until it has stored the end of every task."""
    from flows.deidentify import deidentify
    from flows.hosting.server import wait_for_rows, without_heartbeat

    with without_heartbeat() if ours else nullcontext():
        state = deidentify(run_id, settings, vault)
    if ours:
        rows = _summary(Layout.of(settings), run_id).rows
        wait_for_rows(
            state.state_details.flow_run_id,
            rows,
        )


def _has_ended(layout: Layout, run_id: str) -> bool:
    from deidflow.run.summary import read_summary

    summary = read_summary(layout.summary)
    return summary is not None and summary.run == run_id


def _refused(error: Exception) -> Exception:
    """A server that is busy with other runs may refuse this one."""
    answer = getattr(error, "response", None)
    if answer is None:
        return error
    return EnvironmentFault(
        f"the Prefect server refused the run (HTTP {answer.status_code}); run again, or see its log"
    )
