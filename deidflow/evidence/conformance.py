"""The de-identification part of a DICOM conformance statement (PS3.2, N.11.2.6) from a profile.

One row per attribute of PS3.15 Table E.1-1 and of the profile: the table's code, what the declared
options ask for, what is done, how a dummy value is made, and within what a new UID is unique.
"""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass, fields

from deidflow.header.profile import OPTION_COLUMNS, Profile
from deidflow.header.profile_table import Explained, explain
from deidflow.header.table import TABLE
from deidflow.resources import load_table, load_yaml
from deidflow.store.files import safe_cell

_UID_SCOPE = (
    "the same UID gives the same new one, in every instance and run of the project and level"
)


@dataclass(frozen=True)
class ConformanceRow:
    """One attribute."""

    tag: str
    attribute: str
    basic: str
    """Code of the basic profile; empty where the table does not name the attribute."""
    options: str
    """Codes of the declared options, such as `clean_descriptors: C`."""
    action: str
    code: str
    """The code of PS3.15 that the action comes to."""
    how: str
    dummy: str
    uid_scope: str
    reason: str


def conformance_rows(profile: Profile) -> tuple[ConformanceRow, ...]:
    """The statement's table, in the order of the standard's, then what only the profile names."""
    asked = _options_by_tag(profile)
    rows = []
    for explained in explain(profile):
        options = asked.get(explained.tag, "") if explained.code else ""
        rows.append(_row(explained, options))
    return tuple(rows)


def _options_by_tag(profile: Profile) -> dict[str, str]:
    """For each tag, what the declared options ask for."""
    asked = {}
    for row in load_table(TABLE):
        codes = []
        for option in profile.options:
            code = row[OPTION_COLUMNS[option]]
            if code:
                codes.append(f"{option}: {code}")
        tag = row["tag"].lower()
        asked[f"{tag[:4]},{tag[4:]}"] = "; ".join(codes)
    return asked


def _row(explained: Explained, options: str) -> ConformanceRow:
    name = explained.action.partition(" (")[0]
    words = load_yaml("report/actions.yaml").get(name, _OTHER)
    return ConformanceRow(
        tag=explained.tag,
        attribute=explained.attribute,
        basic=explained.code,
        options=options,
        action=explained.action,
        code=words["code"],
        how=words["says"],
        dummy=words["dummy"],
        uid_scope=_UID_SCOPE if name == "uid" else "",
        reason=explained.reason,
    )


_OTHER = {"code": "", "says": "", "dummy": ""}


def conformance_csv(rows: tuple[ConformanceRow, ...]) -> bytes:
    """The table as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field.name for field in fields(ConformanceRow)])
    for row in rows:
        writer.writerow([safe_cell(cell) for cell in asdict(row).values()])
    return text.getvalue().encode("utf-8")
