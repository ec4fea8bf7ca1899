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

    whole = lines[function.lineno - 1 : last]
    text = lines[body[0].lineno - 1 : last]
    nodes = [node for statement in body for node in ast.walk(statement)]
    return Measure(
        lines=length,
        body_lines=len([line for line in text if line.strip()]),
        nodes=len(nodes),
        comprehensions=sum(isinstance(node, Comprehension) for node in nodes),
        conditionals=sum(isinstance(node, ast.IfExp) for node in nodes),
        has_blank=any(not line.strip() for line in whole),
    )


def body_of(function: Function) -> list[ast.stmt]:
    """The statements without the docstring."""
    return function.body[1:] if ast.get_docstring(function) else function.body


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
    high = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return f"{statistics.median(ordered):.0f} / {high} / {ordered[-1]}"


def report(folders: Sequence[Path]) -> Iterator[str]:
    """The figures of all modules below the folders, one a line."""
    paths = sorted(path for folder in folders for path in folder.rglob("*.py"))
    if not paths:
        yield "no Python module in these folders"
        return

    sizes: list[int] = []
    measures: list[Measure] = []
    for path in paths:
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        sizes.append(len(lines))
        measures += [measure(function, lines) for function in outer_functions(ast.parse(text))]

    yield f"modules                              {len(sizes)}"
    yield f"source lines                         {sum(sizes)}"
    yield f"module median / p95 / max            {spread(sizes)}"
    yield f"modules over 300 lines               {sum(size > 300 for size in sizes)}"
    yield from function_lines(measures)


def function_lines(measures: Sequence[Measure]) -> Iterator[str]:
    """The figures of functions."""
    if not measures:
        return
    body_lines = sum(row.body_lines for row in measures) or 1
    nodes = sum(row.nodes for row in measures)
    comprehensions = sum(row.comprehensions for row in measures)
    conditionals = sum(row.conditionals for row in measures)
    long = [row for row in measures if row.lines >= LONG]
    solid = [row for row in long if not row.has_blank]

    yield f"function median / p95 / max          {spread([row.lines for row in measures])}"
    yield f"nodes per body line                  {nodes / body_lines:.1f}"
    yield f"comprehensions per 100 body lines    {100 * comprehensions / body_lines:.1f} ({comprehensions})"
    yield f"conditionals per 100 body lines      {100 * conditionals / body_lines:.1f} ({conditionals})"
    yield (
        f"functions of {LONG} lines or more without a blank line: "
        f"{len(solid)} of {len(long)} ({len(solid) / max(1, len(long)):.0%})"
    )


if __name__ == "__main__":
    named = [Path(argument) for argument in sys.argv[1:]]
    for line in report(named or [ROOT / folder for folder in FOLDERS]):
        print(line)
