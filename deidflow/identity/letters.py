"""Letters that tell equal names apart: none, b to z, aa to zz."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from string import ascii_lowercase


def with_letters(name: str) -> Iterator[str]:
    """The name itself, then with b, c .. z, aa, ab .. zz."""
    yield name
    for letter in ascii_lowercase[1:]:
        yield name + letter
    for first, second in product(ascii_lowercase, repeat=2):
        yield name + first + second
