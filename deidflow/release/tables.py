"""The files at the top of a release, and the table of what is not in it, in the vault."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deidflow.errors import EnvironmentFault, UsageError, VaultMismatch
from deidflow.header.completeness import is_complete
from deidflow.header.profile import Profile
from deidflow.release.layout import Layout
from deidflow.store.files import (
    Manifest,
    digest_of,
    read_json,
    safe_cell,
    sha256_of,
    write_bytes_atomic,
    write_json_atomic,
)
from deidflow.store.staging import contents_of
from deidflow.version import __version__

TOP_FILES = ("changes.tsv", "dataset.json", "subjects.tsv")


@dataclass(frozen=True)
class FileRow:
    """One row of the vault's quarantine table."""

    path: str
    pseudonym: str
    session: str
    series: str
    verdict: str
    step: str
    reason: str
    words: str


def check_place(layout: Layout) -> None:
    """Refuse a folder that holds anything but a release."""
    if layout.release.exists() and not layout.release.is_dir():
        raise UsageError("the release is a file; name a folder")
    try:
        foreign = bool(contents_of(layout.release))
    except OSError as error:
        raise EnvironmentFault(
            f"the release cannot be read: {error.strerror}; check its permissions"
        ) from None
    if foreign and not (layout.release / "dataset.json").exists():
        raise UsageError(
            "the release's folder holds files that are no release; choose an empty or new folder"
        )


def check_release(layout: Layout, release_id: str) -> None:
    """Refuse a release that another vault, project or level made."""
    known = read_json(layout.release / "dataset.json")
    if isinstance(known, dict) and known.get("release_id") != release_id:
        raise VaultMismatch(
            "this release was made with another vault, project or level; choose another folder"
        )


def write_dataset(
    layout: Layout,
    profile: Profile,
    release_id: str,
    tools: Mapping[str, str],
    defaced: bool,
    notes: Sequence[str] = (),
) -> None:
    """Write dataset.json: what was done, by which rules and tools, and what settings let out; no clock, no path."""
    description = {
        "name": "deidflow release",
        "deidflow": __version__,
        "release_id": release_id,
        "project": layout.project,
        "level": layout.level,
        "profile": {"name": profile.name, "digest": digest_of(profile.model_dump(mode="json"))},
        "standard": "DICOM PS3.15 Table E.1-1, 2026d",
        "codes": [f"{code} {meaning}" for code, meaning in profile.codes],
        "faces": "removed" if defaced else "kept",
        "tools": dict(tools),
    }
    if not is_complete(profile):
        description |= {"de-identified": "not de-identified", "codes": []}
    if notes:
        description |= {"notes": list(notes)}
    write_json_atomic(layout.release / "dataset.json", description, 0o644, indent=2)


def write_subjects(layout: Layout) -> None:
    """Write subjects.tsv from what is published."""
    rows: dict[str, list[int]] = {}
    for pseudonym, label in layout.published_sessions():
        counts = rows.setdefault(pseudonym, [0, 0, 0, 0])
        summary: dict[str, Any] = read_json(
            layout.published(pseudonym, label) / "session.json"
        ) or {"series": []}
        held = sum(series["state"] == "quarantined" for series in summary["series"])
        counts[0] += 1
        counts[1] += len(summary["series"]) - held
        counts[2] += held
        counts[3] += sum(series.get("instances", 0) for series in summary["series"])
    lines = ["subject\tsessions\tseries\tseries_withheld\tinstances"]
    lines += [
        "\t".join([pseudonym, *map(str, counts)]) for pseudonym, counts in sorted(rows.items())
    ]
    write_bytes_atomic(layout.release / "subjects.tsv", ("\n".join(lines) + "\n").encode(), 0o644)


def write_checksums(layout: Layout, manifests: Mapping[tuple[str, str], Manifest]) -> None:
    """Write manifest.sha256 in the form that `sha256sum -c` reads, hashes from the steps' records."""
    lines = [f"{sha256_of(layout.release / name)}  {name}" for name in TOP_FILES]
    for (pseudonym, label), manifest in manifests.items():
        lines += [
            f"{output.sha256}  {pseudonym}/{label}/{output.path}" for output in manifest.outputs
        ]
    write_bytes_atomic(
        layout.release / "manifest.sha256", ("\n".join(lines) + "\n").encode(), 0o644
    )


def write_quarantine(path: Path, rows: Iterable[FileRow]) -> None:
    """Write the vault's table of everything that is not released, with source paths."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["source_path", "pseudonym", "session", "series", "verdict", "step", "reason", "words"]
    )
    for row in rows:
        cells = (
            row.path,
            row.pseudonym,
            row.session,
            row.series,
            row.verdict,
            row.step,
            row.reason,
            row.words,
        )
        writer.writerow(map(safe_cell, cells))
    write_bytes_atomic(path, text.getvalue().encode("utf-8", "surrogateescape"))


def write_doubtful(path: Path, rows: Iterable[tuple[str, str, str, int]]) -> None:
    """Write the vault's table of doubtful values: subject, session, attribute, and how many words.

    A doubtful value holds a single word of another patient's name. Nothing is held back for it.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["pseudonym", "session", "attribute", "words"])
    writer.writerows(
        (pseudonym, session, safe_cell(name), count) for pseudonym, session, name, count in rows
    )
    write_bytes_atomic(path, text.getvalue().encode("utf-8", "surrogateescape"))


def write_lines(path: Path, lines: Sequence[str]) -> None:
    """Write lines to a file in the vault; no file where there are none."""
    if lines:
        write_bytes_atomic(
            path, "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
        )
    else:
        path.unlink(missing_ok=True)
