"""How far apart two names are: marks, word order, missing parts, initials and typos allowed for.

The distance is the share of letters that differ (optimal string alignment, Damerau 1964) in the
words that belong together, plus a little for each word that is missing or only an initial.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from rapidfuzz import process
from rapidfuzz.distance import OSA

from deidflow.dicom.person_names import is_generic, name_words, romanised, spellings

_MOST_WORD_DISTANCE = 0.4
"""Words further apart than this are different words."""
_KNOWN_WORD = 2.0
"""A word that somebody else is called is less likely a typo: its distances count so many times."""
_MISSING = 0.06
_INITIAL = 0.05
_SHORTENED = 0.08
_LEAST_SHORTENED = 3
_LEAST_ALONE = 4
"""Letters of a word that may name somebody by itself."""
_LEAST_JOINED = 5
_MOST_JOINED_DISTANCE = 0.1


@dataclass(frozen=True)
class Name:
    """The folded words of a name, each with the other ways of writing it."""

    words: tuple[tuple[str, ...], ...]

    @property
    def letters(self) -> int:
        """Letters of all words."""
        return sum(len(forms[0]) for forms in self.words)

    @property
    def joined(self) -> frozenset[str]:
        """All words without gaps, in their order and with the first or last at the other end."""
        plain = [forms[0] for forms in self.words]
        if not plain:
            return frozenset()
        first_behind = [*plain[1:], plain[0]]
        last_before = [plain[-1], *plain[:-1]]
        orders = (plain, first_behind, last_before)
        return frozenset(map("".join, orders))


def parse_name(text: str) -> Name:
    """A name in any style: `Doe^John`, `Doe, John`, `John Doe`; nothing for `Anonymous`."""
    first_group = next(
        (group for group in text.split("=") if group.strip(" ^")),
        "",
    )
    if is_generic(first_group):
        return Name(())
    return Name(tuple(map(_forms, name_words(first_group))))


def _forms(word: str) -> tuple[str, ...]:
    """A folded word, with umlauts folded or spelled out, and in Latin letters."""
    forms = dict.fromkeys((word, *spellings(word)))
    latin = romanised(word)
    if latin:
        forms |= dict.fromkeys(["".join(letters[0] for letters in latin)])
    return tuple(forms)


@dataclass
class NameIndex:
    """Many names, found by words that are near; keys are the caller's."""

    _names: dict[int, Name] = field(default_factory=dict)
    _by_word: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    _by_initial: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    _by_joined: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    @classmethod
    def of(cls, names: Mapping[int, str]) -> NameIndex:
        """An index of names as they are written."""
        index = cls()
        for key, text in names.items():
            index._add(key, parse_name(text))
        return index

    def _add(self, key: int, name: Name) -> None:
        self._names[key] = name
        for forms in name.words:
            self._by_initial[forms[0][0]].add(key)
            for form in forms:
                self._by_word[form].add(key)
        for joined in name.joined:
            if len(joined) >= _LEAST_JOINED:
                self._by_joined[joined].add(key)

    def near(self, text: str, most: float) -> dict[int, float]:
        """Keys of names at most this far from a name, with their distances."""
        name = parse_name(text)
        if not name.words:
            return {}

        words = [self._near_words(forms) for forms in name.words]
        distances = self._joined_distances(name, most)
        for key in self._candidates(words):
            distance = name_distance(
                name,
                self._names[key],
                words,
            )
            if distance <= distances.get(key, most):
                distances[key] = distance

        return distances

    def _near_words(self, forms: Sequence[str]) -> dict[str, float]:
        """Indexed words that may be the same word, with their distances."""
        near: dict[str, float] = {}
        doubt = _KNOWN_WORD if any(form in self._by_word for form in forms) else 1.0
        for form in forms:
            rows = process.extract(
                form,
                self._by_word.keys(),
                scorer=OSA.normalized_distance,
                score_cutoff=_MOST_WORD_DISTANCE,
                limit=None,
            )
            for word, distance, _ in rows:
                near[word] = min(distance * doubt, near.get(word, 1.0))
            for word in self._by_word:
                if _is_shortened(form, word):
                    near[word] = min(_SHORTENED, near.get(word, 1.0))

        return near

    def _candidates(self, words: Sequence[Mapping[str, float]]) -> set[int]:
        """Keys of the names that have one of the near words."""
        keys: set[int] = set()
        for near in words:
            for word in near:
                keys |= self._by_word[word]
        return keys

    def _joined_distances(self, name: Name, most: float) -> dict[int, float]:
        """Names that are the same but for their gaps and a letter: `Xiao Dong` and `Xiaodong`."""
        distances: dict[int, float] = {}
        for joined in name.joined:
            if len(joined) < _LEAST_JOINED:
                continue
            rows = process.extract(
                joined,
                self._by_joined.keys(),
                scorer=OSA.normalized_distance,
                score_cutoff=min(most, _MOST_JOINED_DISTANCE),
                limit=None,
            )
            for other, distance, _ in rows:
                for key in self._by_joined[other]:
                    distances[key] = min(distance, distances.get(key, 1.0))

        return distances


class WordPair(NamedTuple):
    """A word of each name that may be the same, in the order of preference."""

    distance: float
    is_initial: bool
    mine: int
    yours: int
    letters: int
    """Letters of the second word."""


def name_distance(name: Name, other: Name, words: Sequence[Mapping[str, float]]) -> float:
    """How far apart two names are, 0 to 1; `words` are the near words of each word of the first."""
    pairs = _chosen_pairs(name, other, words)
    shorter, longer = sorted((len(name.words), len(other.words)))
    if len(pairs) < shorter:
        return 1.0

    whole = [pair for pair in pairs if not pair.is_initial]
    is_telling = any(pair.distance == 0.0 and pair.letters >= _LEAST_ALONE for pair in whole)
    is_enough = len(whole) > 1 or (len(whole) == 1 and is_telling and longer <= 2)
    if not is_enough:
        return 1.0

    letters = sum(pair.letters * pair.distance for pair in whole)
    initials = len(pairs) - len(whole)
    missing = longer - shorter
    return letters / name.letters + _INITIAL * initials + _MISSING * missing


def _chosen_pairs(name: Name, other: Name, words: Sequence[Mapping[str, float]]) -> list[WordPair]:
    """Pairs of words that belong together, the nearest first; no word is in two."""
    ours: set[int] = set()
    theirs: set[int] = set()
    chosen = []
    for pair in sorted(_word_pairs(name, other, words)):
        if pair.mine in ours or pair.yours in theirs:
            continue
        ours.add(pair.mine)
        theirs.add(pair.yours)
        chosen.append(pair)
    return chosen


def _word_pairs(
    name: Name, other: Name, words: Sequence[Mapping[str, float]]
) -> Iterator[WordPair]:
    """Each two words that may be the same, or one the initial of the other."""
    for yours, forms in enumerate(other.words):
        their_word = forms[0]
        for mine, near in enumerate(words):
            distances = [near[form] for form in forms if form in near]
            if distances:
                nearest = min(distances)
                yield WordPair(
                    nearest,
                    False,
                    mine,
                    yours,
                    len(their_word),
                )
            elif _is_initial(name.words[mine][0], their_word):
                yield WordPair(1.0, True, mine, yours, 1)


def _is_initial(one: str, other: str) -> bool:
    """Whether one of two words is the initial of the other."""
    return 1 in (len(one), len(other)) and one[0] == other[0]


def _is_shortened(one: str, other: str) -> bool:
    """Whether one word begins with the other: Rob, Robert."""
    short, long = sorted((one, other), key=len)
    if len(short) < _LEAST_SHORTENED or len(short) == len(long):
        return False
    return long.startswith(short)
