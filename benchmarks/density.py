"""Prints how dense the code is: `python benchmarks/density.py [FOLDER ...]`. No test enforces the
figures.

A body line is a line of a function's body without its docstring, nested functions included; a node
is a node of Python's syntax tree. A blank line in the docstring counts as one of the function.
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("deidflow", "flows", "tasks")
LONG = 15

Function = ast.FunctionDef | ast.AsyncFunctionDef
Comprehension = (ast.GeneratorExp, ast.ListComp, ast.SetComp, ast.DictComp)


@dataclass(frozen=True)
class Measure:
    """One function: lines from `def` to the end, and what its body holds."""

    lines: int
    body_lines: int
    nodes: int
    comprehensions: int
    conditionals: int
    has_blank: bool


def measure(function: Function, lines: Sequence[str]) -> Measure:
    """Measure one function; `lines` are those of its module."""
    body = body_of(function)
    last = function.end_lineno or function.lineno
    length = last - function.lineno + 1
    if not body:
        return Measure(length, 0, 0, 0, 0, True)

    nodes: list[ast.AST] = []
    for statement in body:
        nodes += ast.walk(statement)
    comprehensions = [node for node in nodes if isinstance(node, Comprehension)]
    conditionals = [node for node in nodes if isinstance(node, ast.IfExp)]

    first = body[0].lineno
    whole = lines[function.lineno - 1 : last]
    filled = [line for line in lines[first - 1 : last] if line.strip()]
    return Measure(
        lines=length,
        body_lines=len(filled),
        nodes=len(nodes),
        comprehensions=len(comprehensions),
        conditionals=len(conditionals),
        has_blank=any(not line.strip() for line in whole),
    )


def body_of(function: Function) -> list[ast.stmt]:
    """The statements without the docstring."""
    if ast.get_docstring(function):
        return function.body[1:]
    return function.body


def outer_functions(tree: ast.AST) -> Iterator[Function]:
    """Functions and methods; those inside a function count as its body."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Function):
            yield node
        else:
            yield from outer_functions(node)


def spread(values: Sequence[int]) -> str:
    """Median, 95th percentile and maximum."""
    ordered = sorted(values)
    last = len(ordered) - 1
    place = int(0.95 * len(ordered))
    high = ordered[min(last, place)]
    middle = statistics.median(ordered)
    return f"{middle:.0f} / {high} / {ordered[last]}"


def report(folders: Sequence[Path]) -> Iterator[str]:
    """The figures of all modules below the folders, one a line."""
    paths: list[Path] = []
    for folder in folders:
        paths += folder.rglob("*.py")
    if not paths:
        yield "no Python module in these folders"
        return

    sizes: list[int] = []
    measures: list[Measure] = []
    for path in paths:
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        sizes.append(len(lines))
        tree = ast.parse(text)
        for function in outer_functions(tree):
            measures.append(measure(function, lines))

    yield f"modules                              {len(sizes)}"
    yield f"source lines                         {sum(sizes)}"
    yield f"module median / p95 / max            {spread(sizes)}"
    large = [size for size in sizes if size > 300]
    yield f"modules over 300 lines               {len(large)}"
    yield from function_lines(measures)


def function_lines(measures: Sequence[Measure]) -> Iterator[str]:
    """The figures of functions."""
    if not measures:
        return

    body_lines = 0
    nodes = 0
    comprehensions = 0
    conditionals = 0
    lengths = []
    for row in measures:
        body_lines += row.body_lines
        nodes += row.nodes
        comprehensions += row.comprehensions
        conditionals += row.conditionals
        lengths.append(row.lines)

    hundreds = max(1, body_lines) / 100
    density = nodes / max(1, body_lines)
    yield f"function median / p95 / max          {spread(lengths)}"
    yield f"nodes per body line                  {density:.1f}"

    share = comprehensions / hundreds
    yield f"comprehensions per 100 body lines    {share:.1f} ({comprehensions})"
    share = conditionals / hundreds
    yield f"conditionals per 100 body lines      {share:.1f} ({conditionals})"
    yield solid_line(measures)


def solid_line(measures: Sequence[Measure]) -> str:
    """How many of the long functions have no blank line."""
    long = [row for row in measures if row.lines >= LONG]
    solid = [row for row in long if not row.has_blank]
    share = len(solid) / max(1, len(long))
    return (
        f"functions of {LONG} lines or more without a blank line: "
        f"{len(solid)} of {len(long)} ({share:.0%})"
    )


if __name__ == "__main__":
    named = [Path(argument) for argument in sys.argv[1:]]
    for line in report(named or [ROOT / folder for folder in FOLDERS]):
        print(line)
