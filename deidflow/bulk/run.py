"""From settings to a result: read, identify, de-identify, move into place."""

from __future__ import annotations

import gc
import tempfile
from contextlib import ExitStack
from pathlib import Path

from deidflow.bulk.admitted import admitted
from deidflow.bulk.archives import with_members
from deidflow.bulk.audit import check_audit
from deidflow.bulk.backup import back_up
from deidflow.bulk.call import Call
from deidflow.bulk.cleaning import Cleaning
from deidflow.bulk.description import write_description
from deidflow.bulk.locate import locate
from deidflow.bulk.output import check_output, output_held
from deidflow.bulk.pending import Signatures
from deidflow.bulk.planning import Plan, make_plan
from deidflow.bulk.read import ReadFile, read_all, with_hashes
from deidflow.bulk.report import report, write_instance_table
from deidflow.bulk.result import Result
from deidflow.consent.admission import admission_of
from deidflow.header.rules import compile_profile
from deidflow.identity.secret import Keys, load_secret
from deidflow.identity.vault import Vault
from deidflow.settings.anonymize import AnonymizeSettings
from deidflow.settings.effective import effective_profile
from deidflow.store.faults import fault_of
from deidflow.store.files import remove_tree
from deidflow.store.locks import held
from deidflow.store.scratch import private_files, private_folder


def run(settings: AnonymizeSettings) -> Result:
    """De-identify the headers of every file of the sources into the output folder.

    Raises UsageError and ConfigError before anything is written, EnvironmentFault if the machine
    lacks something, ReleaseBusy if another call is at work on the output.
    """
    try:
        return _run(settings)
    except OSError as error:
        raise fault_of(error) from None


def _run(settings: AnonymizeSettings) -> Result:
    located = locate(settings.sources)
    profile = effective_profile(settings)
    compile_profile(profile)
    check_output(settings)
    check_audit(settings)

    with ExitStack() as stack:
        stack.enter_context(private_files())
        _disable_collector(stack)
        if not settings.dry_run:
            stack.enter_context(output_held(settings))
        vault = _open_vault(settings, stack)
        call = Call(
            settings,
            located,
            profile,
            vault,
        )
        stack.callback(remove_tree, call.archives_folder)
        return _result(call)


def _disable_collector(stack: ExitStack) -> None:
    """Millions of small tuples have no cycles; the search takes a fifth of the parent's time."""
    if gc.isenabled():
        gc.disable()
        stack.callback(gc.enable)


def _open_vault(settings: AnonymizeSettings, stack: ExitStack) -> Vault:
    """The vault, or one in a private temporary folder with a secret that is thrown away."""
    project = settings.project
    level = settings.level
    folder = settings.vault
    if folder is None or settings.dry_run:
        temporary = tempfile.TemporaryDirectory(prefix="deidflow-")
        folder = Path(stack.enter_context(temporary))
    else:
        private_folder(folder, "vault")
        lock = folder / "work" / f"{project}-{level}" / "lock"
        stack.enter_context(held(lock, "project of the vault"))

    secret = load_secret(folder, create=True)
    keys = Keys(secret, project, level)
    vault = Vault(folder, keys)
    stack.callback(vault.close)
    return vault


def _result(call: Call) -> Result:
    """Do everything, phase by phase."""
    admission = admission_of(call.settings.consent, call.vault.withdrawn())
    call, rows = with_members(call, _read(call))
    rows = with_hashes(call.located, admitted(admission, rows))
    back_up(call, rows)
    signatures: Signatures = {}
    if call.remembers:
        signatures = {row.entry.path: row.signature for row in rows}
    plan = make_plan(call, rows)

    cleaning = Cleaning(
        call=call,
        series=plan.series,
        signatures=signatures,
        raw=plan.raw,
    )
    cleaning.run()
    if not call.settings.dry_run:
        _conclude(call, plan, cleaning)
    return report(call, plan, cleaning)


def _read(call: Call) -> list[ReadFile]:
    """The facts about every file."""
    return read_all(
        call.located,
        call.workers,
        call.memory_limit,
        force=call.settings.force,
        signed=call.remembers,
    )


def _conclude(call: Call, plan: Plan, cleaning: Cleaning) -> None:
    """Note in vault and output what was released."""
    sessions = sorted(plan.sessions)
    write_instance_table(
        call,
        plan,
        cleaning.outcomes,
    )
    call.vault.mark_published(sessions)
    write_description(call.settings, call.profile)
