"""Values other than names, numbers and dates as regular expressions for folded text."""

from __future__ import annotations

import re

from deidflow.dicom.person_names import fold, is_unspaced

ANYWHERE = 6
"""Letters from which a value is searched inside of words too."""
START, END = r"(?<![^\W_])", r"(?![^\W_])"
"""Borders of a word."""
_SEPARATORS = r"[\s\^_,]+"


def phrase_pattern(value: str) -> str:
    """A value as whole words; inside of words too if it is long or its script has no spaces."""
    folded = fold(value)
    words = [word for word in re.split(_SEPARATORS, folded) if word]
    escaped = _SEPARATORS.join(map(re.escape, words))
    if is_unspaced(folded) or len(folded) >= ANYWHERE:
        return escaped
    return START + escaped + END
