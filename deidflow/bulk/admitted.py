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

    entries = [row.entry for row in rows]
    refused = admission.refused(entries)
    kept = []
    for row in rows:
        path = row.entry.path
        entry = refused.get(path, row.entry)
        judged = row._replace(entry=entry)
        kept.append(judged)
    return kept


def refused_in_output(call: Call) -> int:
    """How many subjects of earlier calls are in the output and may not go on any more."""
    withdrawn = call.vault.withdrawn()
    admission = admission_of(call.settings.consent, withdrawn)
    originals = call.vault.originals()
    count = 0
    for pseudonym in admission.refused_subjects(originals):
        folder = call.settings.out / pseudonym
        count += folder.exists()
    return count
