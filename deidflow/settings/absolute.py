"""Paths of a configuration that start from another folder than the current one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deidflow.header.load_profile import NAMES
from deidflow.settings.given import LIST_MARK

_PLACES = ("source", "release", "vault", "log")


def absolute_paths(values: Mapping[str, Any], base: Path) -> dict[str, Any]:
    """The values of a configuration with every relative path below `base`.

    What is not a path yet (a wrong type, a profile's name) is left for the settings to judge.
    """
    absolute = dict(values)
    for key in _PLACES:
        if isinstance(values.get(key), (str, Path)):
            absolute[key] = _placed_path(base, str(values[key]))

    profile = values.get("profile")
    if isinstance(profile, str) and profile and profile not in NAMES:
        absolute["profile"] = str(base / profile)

    absolute |= _with_table(values, base) | _with_program(values, base)
    absolute |= _with_consent_list(values, base) | _with_rules(values, base)
    pacs = _section(values, "pacs")
    if pacs:
        absolute["pacs"] = _with_places(pacs, base)
    return absolute


_PACS_PLACES = {
    "tls": ("authorities", "certificate", "key"),
    "fetch": ("list",),
}


def _with_places(pacs: Mapping[str, Any], base: Path) -> dict[str, Any]:
    """The section `pacs` with the paths of its spool, its certificates and its list."""
    placed = _below(pacs, ("spool",), base)
    for name, keys in _PACS_PLACES.items():
        section = _section(pacs, name)
        if section:
            placed[name] = _below(section, keys, base)
    return placed


def _below(section: Mapping[str, Any], keys: tuple[str, ...], base: Path) -> dict[str, Any]:
    placed = dict(section)
    for key in keys:
        if isinstance(section.get(key), (str, Path)):
            placed[key] = str(base / Path(section[key]).expanduser())
    return placed


def _placed_path(base: Path, text: str) -> str:
    """A path below `base`; that of a list keeps its mark."""
    mark = LIST_MARK if text.startswith(LIST_MARK) else ""
    path = Path(text.removeprefix(mark)).expanduser()
    return f"{mark}{base / path}"


def _with_table(values: Mapping[str, Any], base: Path) -> dict[str, Any]:
    """The table of `ids.csv`."""
    ids = _section(values, "ids")
    table = _section(ids, "csv")
    path = table.get("path")
    if not isinstance(path, (str, Path)):
        return {}
    return {"ids": {**ids, "csv": {**table, "path": str(base / path)}}}


def _with_consent_list(values: Mapping[str, Any], base: Path) -> dict[str, Any]:
    """The table of `consent.list`."""
    consent = _section(values, "consent")
    path = consent.get("list")
    if not isinstance(path, (str, Path)):
        return {}
    return {"consent": {**consent, "list": str(base / Path(path).expanduser())}}


def _with_program(values: Mapping[str, Any], base: Path) -> dict[str, Any]:
    """The program of `deface.command`, where it is named by its path."""
    deface = _section(values, "deface")
    command = deface.get("command")
    if not isinstance(command, (list, tuple)) or not command or "/" not in str(command[0]):
        return {}
    program, *arguments = command
    return {"deface": {**deface, "command": [str(base / program), *arguments]}}


def _with_rules(values: Mapping[str, Any], base: Path) -> dict[str, Any]:
    """The files of `burned_in.rules`."""
    burned_in = _section(values, "burned_in")
    rules = burned_in.get("rules")
    if not isinstance(rules, (list, tuple)):
        return {}
    paths = [str(base / rule) if isinstance(rule, (str, Path)) else rule for rule in rules]
    return {"burned_in": {**burned_in, "rules": paths}}


def _section(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    section = values.get(key)
    return section if isinstance(section, Mapping) else {}
