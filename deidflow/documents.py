"""YAML documents: parsed once, with the line of every key; duplicate keys are refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic_core import ErrorDetails

from deidflow.errors import ConfigError

_MERGE = "tag:yaml.org,2002:merge"
_WANTED = {
    "bool": "true or false",
    "dict": "a section with keys",
    "float": "a number",
    "frozen": "a list",
    "int": "a whole number",
    "list": "a list",
    "missing": "given",
    "model": "a section with keys",
    "path": "a path",
    "set": "a list",
    "string": "text",
    "tuple": "a list",
}
"""What a value must be, by the first word of pydantic's name for the error."""


@dataclass(frozen=True)
class Document:
    """The value of a YAML text, and its nodes, which know their lines."""

    name: str
    """What messages call it: what it is, and the name of its file without folders."""
    value: Any
    root: yaml.Node | None

    def line(self, path: Sequence[int | str] = ()) -> int:
        """The line of a key or entry, from 1; if it is missing, that of the nearest around it."""
        line = 1
        node = self.root
        for part in path:
            child = _child(node, part)
            if child is None:
                break
            mark, node = child
            line = mark.line + 1
        return line

    def where(self, path: Sequence[int | str] = ()) -> str:
        """Name and line, as the start of a message."""
        return f"{self.name}, line {self.line(path)}"


def parse(text: str, name: str) -> Document:
    """Parse one YAML document; raises ConfigError with the line of the error or duplicate key."""
    try:
        root = yaml.compose(text, yaml.SafeLoader)
        _refuse_duplicates(root, name)
        return Document(
            name,
            yaml.safe_load(text),
            root,
        )
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{name} is not YAML{line}") from None
    except (ValueError, RecursionError):
        raise ConfigError(
            f"{name} holds an impossible date or is nested too deeply; put dates in quotes"
        ) from None


def read_document(path: Path, what: str) -> Document:
    """The document in a UTF-8 file; raises ConfigError, which calls it `what`."""
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"the {what} cannot be read: it is not UTF-8 text") from None
    except OSError as error:
        raise ConfigError(f"the {what} cannot be read: {error.strerror}") from None
    return parse(text, f"{what} '{path.name}'")


def _child(node: yaml.Node | None, part: int | str) -> tuple[yaml.Mark, yaml.Node] | None:
    """The start and node of a key or entry of a node; None if there is none."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key.start_mark, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        entry = node.value[part]
        return entry.start_mark, entry
    return None


def _refuse_duplicates(root: yaml.Node | None, name: str) -> None:
    """Raise ConfigError for duplicate keys, of which PyYAML silently keeps the last."""
    waiting: list[yaml.Node] = [] if root is None else [root]
    checked: set[int] = set()
    while waiting:
        node = waiting.pop()
        if id(node) in checked:  # an alias
            continue
        checked.add(id(node))

        if isinstance(node, yaml.MappingNode):
            _check_keys(node, name)
            for pair in node.value:
                waiting += pair
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value


def _check_keys(node: yaml.MappingNode, name: str) -> None:
    lines: dict[tuple[str, str], int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
            continue
        line = key.start_mark.line + 1
        identity = (key.tag, key.value)
        if identity in lines:
            first = lines[identity]
            raise ConfigError(
                f"{name}, line {line}: key '{key.value}' is already given in line {first}; "
                "keep one of them"
            )
        lines[identity] = line


def reason_of(error: ErrorDetails) -> str:
    """What is wrong with a value, in words that name YAML's kinds and not Python's."""
    kind = error["type"]
    word, _, what = kind.partition("_")
    is_of_kind = what in ("", "type", "parsing", "set_type", "from_float")
    if is_of_kind and word in _WANTED:
        return f"must be {_WANTED[word]}"
    message = error["msg"].removeprefix("Value error, ")
    return message.replace("Input should be", "must be")
