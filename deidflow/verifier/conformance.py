"""New errors of dciodvfy (Debian's dicom3tools), in one instance of each kind or in all."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from deidflow.verifier.findings import Check, Finding, Mark, Report
from deidflow.verifier.observers import Seen

TOOL = "dciodvfy"
_SECONDS = 60
_ERROR = re.compile(r"\bError - (.*)")
_ELEMENT = re.compile(r"Element=<([^>]*)>")
_ATTRIBUTE = re.compile(r"attribute <([^>]*)>")
_VALUE = re.compile(r"(?:=|value) ?<[^>]*>|\[\d+\]|\b\d+\b")
_KIND = (0x00080016, 0x00080060, 0x00080070, 0x00081090, 0x00080008)
"""SOP class, modality, maker, model and image type."""


@dataclass
class Conformance:
    """Runs dciodvfy on instances."""

    report: Report
    every: bool
    """Whether every instance is looked at, not one of each kind."""
    source_of: Callable[[str], Path | None]
    """The source file of a released path; None where it is not known."""
    _kinds: set[tuple[object, ...]] = field(default_factory=set)

    def look(self, seen: Seen) -> Iterator[Mark]:
        """New errors of one instance, if it is the first of its kind."""
        if shutil.which(TOOL) is None:
            self.report.note(f"{TOOL} is not installed: conformance was not checked")
            return
        masked = "defaced_dicom" in seen.entry.parts
        values = (seen.instance.text(tag) for tag in _KIND)
        kind = (*values, seen.instance.syntax, masked)
        if kind in self._kinds and not self.every:
            return

        self._kinds.add(kind)
        errors = errors_of(seen.entry.path)
        source = self.source_of(seen.entry.name)
        if source is None:
            self._note(errors)
            return
        errors -= errors_of(source)
        for attribute, words in sorted(errors):
            yield Mark(
                Check.CONFORMANCE,
                attribute,
                words,
            )

    def _note(self, errors: set[tuple[str, str]]) -> None:
        """Tell errors of which nobody knows whether the source had them too."""
        for attribute, words in sorted(errors):
            self.report.note(f"{TOOL}, maybe of the source too: {attribute}: {words}")

    def end(self) -> Iterator[Finding]:
        """Nothing is left for the end."""
        return iter(())


def errors_of(path: Path) -> set[tuple[str, str]]:
    """Attribute and words of each error of dciodvfy in a file, without values."""
    command = [TOOL, str(path)]
    try:
        result = subprocess.run(
            command,
            capture_output=True,
            check=False,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return {("file", "dciodvfy did not end")}
    lines = result.stderr.decode("latin-1").splitlines()
    return {_error(match[1]) for line in lines if (match := _ERROR.search(line))}


def _error(text: str) -> tuple[str, str]:
    named = _ELEMENT.search(text) or _ATTRIBUTE.search(text)
    attribute = (
        named[1].replace(
            " ",
            "",
        )
        if named
        else "file"
    )
    kind = text.partition(" Element=")[0].partition(" - attribute")[0]
    return attribute, _VALUE.sub(
        "",
        kind,
    ).strip()[:80]
