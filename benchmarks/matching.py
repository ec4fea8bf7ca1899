"""How many misspelt, reordered, shortened and accented names find their row among 5,000.

    python benchmarks/matching.py [--seeds N] [--rows N]

Names are drawn by their frequency in the US census (package `names`): a given name, a middle name, a surname. Each seed
makes a table and 40 queries, 10 of each kind. Right: the one row that was meant. Ambiguous: said to be so, or no row at
all. Wrong: another row.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

from deidflow.tables.matching import match_names

_ACCENTS = {"a": "àáâãä", "e": "èéêë", "i": "ìíîï", "o": "òóôõö", "u": "ùúûü", "c": "ç", "n": "ñ"}
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def table_of(count: int, chance: random.Random, parts: int = 3) -> list[str]:
    """Different full names of two or three parts, as a table has them."""
    drawn: dict[str, None] = {}
    while len(drawn) < count:
        givens = census_names(chance.choice(("first:male", "first:female")))
        words = draw(
            chance,
            givens,
            parts - 1,
        ) + draw(chance, census_names("last"), 1)
        drawn[" ".join(words)] = None
    return list(drawn)


def draw(chance: random.Random, census: tuple[list[str], list[float]], count: int) -> list[str]:
    """Names by their frequency."""
    words, frequencies = census
    return chance.choices(
        words,
        cum_weights=frequencies,
        k=count,
    )


@lru_cache(maxsize=4)
def census_names(kind: str) -> tuple[list[str], list[float]]:
    """Names of the census and their frequencies added up; kinds are `first:male`, `first:female` and `last`."""
    import names

    rows = []
    for line in Path(names.FILES[kind]).read_text().splitlines():
        rows.append(line.split())
    frequencies = accumulate(float(row[1]) for row in rows)
    return [row[0].capitalize() for row in rows], list(frequencies)


def misspelt(name: str, chance: random.Random) -> str:
    """A letter swapped, dropped, doubled or replaced in one word, in each second name in two."""
    words = name.split()
    for _ in range(chance.choice((1, 2))):
        place = chance.randrange(len(words))
        words[place] = _typo(words[place], chance)
    return " ".join(words)


def _typo(word: str, chance: random.Random) -> str:
    place = chance.randrange(1, len(word))
    kind = chance.randrange(4)
    before = word[:place]
    letter = word[place]
    after = word[place + 1 :]

    if kind == 0 and after:
        swapped = after[0] + letter
        return before + swapped + after[1:]
    if kind == 1 and len(word) > 3:
        return before + after
    if kind == 2:
        return before + letter + letter + after
    return before + chance.choice(_LETTERS) + after


def reordered(name: str, chance: random.Random) -> str:
    """The surname first, in one of four styles."""
    *givens, surname = name.split()
    given, middle = givens[0], " ".join(givens[1:])
    styles = (
        f"{surname}^{given}^{middle}",
        f"{surname}, {given} {middle}",
        f"{surname.upper()} {given} {middle}",
        f"{surname} {middle} {given}",
    )
    return chance.choice(styles)


def shortened(name: str, chance: random.Random) -> str:
    """Without the middle name, or with an initial for one of the given names."""
    *givens, surname = name.split()
    if len(givens) == 1:
        return f"{givens[0][0]}. {surname}"
    given, middle = givens
    styles = (
        f"{given} {surname}",
        f"{given} {middle[0]}. {surname}",
        f"{surname}^{given}^{middle[0]}",
        f"{given[0]}. {middle} {surname}",
    )
    return chance.choice(styles)


def accented(name: str, chance: random.Random) -> str:
    """Two letters with marks."""
    letters = list(name)
    places = [place for place, letter in enumerate(letters) if letter in _ACCENTS]
    for place in chance.sample(places, min(2, len(places))):
        letters[place] = chance.choice(_ACCENTS[letters[place]])
    return "".join(letters)


KINDS: tuple[Callable[[str, random.Random], str], ...] = (
    misspelt,
    reordered,
    shortened,
    accented,
)


def measure(seed: int, rows: int, queries: int = 40, parts: int = 3) -> dict[str, Counter[str]]:
    """Right, ambiguous and wrong by kind of change, for one table.

    `absent`: as many people again who are not in the table; there any row is wrong.
    """
    chance = random.Random(seed)
    everybody = table_of(
        rows + queries,
        chance,
        parts,
    )
    table, strangers = everybody[:rows], everybody[rows:]
    chosen = chance.sample(range(rows), queries)
    kinds = [KINDS[number % len(KINDS)] for number in range(queries)]
    written = {}
    for row, kind in zip(
        chosen,
        kinds,
        strict=True,
    ):
        written[row] = kind(table[row], chance)
    for number, (name, kind) in enumerate(
        zip(
            strangers,
            kinds,
            strict=True,
        ),
        rows,
    ):
        written[number] = kind(name, chance)

    rows_by_number = dict(enumerate(table))
    present = {key: name for key, name in written.items() if key < rows}
    absent = {key: name for key, name in written.items() if key >= rows}
    matches = match_names(present, rows_by_number) | match_names(absent, rows_by_number)
    counts: dict[str, Counter[str]] = {kind.__name__: Counter() for kind in KINDS}
    counts["absent"] = Counter()
    for row, kind in zip(
        chosen,
        kinds,
        strict=True,
    ):
        found = matches[row].row
        verdict = "ambiguous" if found is None else "right" if found == row else "wrong"
        counts[kind.__name__][verdict] += 1
    for number in range(rows, rows + len(strangers)):
        verdict = "right" if matches[number].how == "missing" else "ambiguous"
        counts["absent"]["wrong" if matches[number].row is not None else verdict] += 1
    return counts


def main() -> None:
    """Print one line for each seed: of 40 who are in the table, and of 40 who are not."""
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--seeds",
        type=int,
        default=10,
    )
    parser.add_argument(
        "--rows",
        type=int,
        default=5000,
    )
    parser.add_argument(
        "--parts",
        type=int,
        default=3,
        choices=(2, 3),
    )

    arguments = parser.parse_args()
    for seed in range(arguments.seeds):
        counts = measure(
            seed,
            arguments.rows,
            parts=arguments.parts,
        )
        absent = counts.pop("absent")
        total = sum(counts.values(), Counter())
        by_kind = {}
        for kind, count in counts.items():
            by_kind[kind] = count["right"]
        print(
            f"seed {seed}: {dict(total)}  right by kind {by_kind}  absent {dict(absent)}",
            flush=True,
        )


if __name__ == "__main__":
    main()
