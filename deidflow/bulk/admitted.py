"""Who of the sources may go on: asked before anything of a patient is hashed, copied or kept."""

from __future__ import annotations

from collections.abc import Sequence

from deidflow.bulk.call import Call
from deidflow.bulk.read import ReadFile
from deidflow.consent.admission import Admission, admission_of


def admitted(admission: Admission, rows: Sequence[ReadFile]) -> list[ReadFile]:
    """The rows, those of patients who may not go on with nothing of their headers."""
    if not admission.is_asked:
        return list(rows)

    refused = admission.refused(row.entry for row in rows)
    kept = []
    for row in rows:
        entry = refused.get(row.entry.path, row.entry)
        kept.append(row._replace(entry=entry))
    return kept


def refused_in_output(call: Call) -> int:
    """How many subjects of earlier calls are in the output and may not go on any more."""
    admission = admission_of(call.settings.consent, call.vault.withdrawn())
    refused = admission.refused_subjects(call.vault.originals())
    return sum((call.settings.out / pseudonym).exists() for pseudonym in refused)
