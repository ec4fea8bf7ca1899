"""Profiles by name or file: read, joined with what they extend, and explained line by line where they are wrong."""

from __future__ import annotations

import difflib
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import ValidationError

from deidflow.errors import ConfigError
from deidflow.header.profile import ActionName, Dates, Deviation, Option, Profile
from deidflow.resources import resource
from deidflow.settings import Category

NAMES = ("low", "high", "basic", "clinical-trial", "research", "pseudonymize")
_KNOWN: dict[str, tuple[str, ...]] = {
    "options": get_args(Option),
    "action": get_args(ActionName),
    "fallback": get_args(ActionName),
    "categories": get_args(Category),
}
_MODELS: dict[str, Any] = {"deviations": Deviation, "dates": Dates}


def load_profile(name: str) -> Profile:
    """The profile of that name in `configs/profiles`, or of the YAML file at that path.

    Raises ConfigError for an unknown name, and with the line for an unknown key, attribute, action or option.
    """
    return _named(name) if name in NAMES else read_profile(Path(name))


@lru_cache(maxsize=8)
def _named(name: str) -> Profile:
    return _checked(resource(f"profiles/{name}.yaml").read_text("utf-8"), name)


def read_profile(path: Path) -> Profile:
    """The profile in a file; raises ConfigError as `load_profile` does."""
    if path.suffix not in (".yaml", ".yml") and not path.exists():
        near = difflib.get_close_matches(path.name, NAMES, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise ConfigError(f"there is no profile '{path.name}'{hint} (known: {', '.join(NAMES)}; or name a YAML file)")
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"the profile file cannot be read: {cause}") from None
    return _checked(text, path.stem)


def _checked(text: str, name: str) -> Profile:
    try:
        root = yaml.compose(text, yaml.SafeLoader)
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ConfigError(f"profile '{name}' is not YAML{f', line {mark.line + 1}' if mark else ''}") from None
    if not isinstance(raw, dict):
        raise ConfigError(f"profile '{name}' must hold keys and values; see 'deidflow profile show basic'")
    try:
        own = Profile(**{"name": name, "title": name, **raw})
    except ValidationError as error:
        raise ConfigError(_explained(name, root, error)) from None
    return _extended(own) if own.extends else own


def _extended(own: Profile) -> Profile:
    """A profile with what it extends: its own keys win, its deviations come last."""
    parent = load_profile(own.extends)
    said = own.model_fields_set - {"extends"}
    values = {field: getattr(own, field) for field in said}
    values["deviations"] = (*parent.deviations, *own.deviations)
    values["categories"] = {**parent.categories, **own.categories}
    return parent.model_copy(update=values)


def _explained(name: str, root: Any, error: ValidationError) -> str:
    first = error.errors()[0]
    where = [part for part in first["loc"] if part not in ("[key]",)]
    line = _line(root, where)
    text = f"profile '{name}', line {line}, '{'.'.join(map(str, where))}'"
    known = _known(where, first["type"])
    if not known:
        return f"{text}: {first['msg'].removeprefix('Value error, ')}"
    wrong = str(where[-1] if first["type"] == "extra_forbidden" else first.get("input"))
    near = difflib.get_close_matches(wrong, known, n=1, cutoff=0.3)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    return f"{text}: '{wrong}' is not known{hint} (known: {', '.join(known)})"


def _known(where: list[Any], kind: str) -> list[str]:
    if kind == "extra_forbidden":
        model = next((_MODELS[str(part)] for part in where if part in _MODELS), Profile)
        return list(model.model_fields)
    names = [str(part) for part in where if isinstance(part, str) and part in _KNOWN]
    return list(_KNOWN[names[-1]]) if names and kind == "literal_error" else []


def _line(node: Any, where: list[Any]) -> int:
    """The line of a key or entry; that of the nearest enclosing one where it is missing."""
    line = node.start_mark.line + 1
    for part in where:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == str(part)), None)
            if pair is None:
                return int(line)
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
    return int(line)
