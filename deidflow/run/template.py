"""The prepared template: computed once per machine, then copied into each vault."""

from __future__ import annotations

from deidflow.face.template_place import template_path
from deidflow.run.context import Run
from deidflow.store.machine_cache import keep, machine_cache, take


def provide_template(run: Run) -> None:
    """Put the template of the run's settings where its steps look for it.

    It holds nothing of a patient. Raises StepFailed where it cannot be computed.
    """
    ears = run.settings.deface.removes_ears
    path = template_path(run.layout.templates, ears=ears)
    kept = machine_cache() / path.name
    if path.exists() or take(kept, path):
        return

    from deidflow.face.template import prepare_template

    run.children.run(
        run.layout.tool_log,
        prepare_template,
        str(path),
        ears,
    )
    keep(path, kept)
