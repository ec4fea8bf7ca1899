"""Folded text, in which identifiers are searched, with the way back to the original."""

from __future__ import annotations

from collections.abc import Sequence

from deidflow.dicom.person_names import folded_letter


def folded_with_places(text: str) -> tuple[str, Sequence[int]]:
    """The folded text, and for each of its characters the index in `text` that it comes from."""
    if text.isascii():
        return text.lower(), range(len(text))

    letters: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        for letter in folded_letter(character):
            letters.append(letter)
            places.append(place)
    return "".join(letters), places
