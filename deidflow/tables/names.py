"""How far apart two names are: marks, word order, missing parts, initials and typos allowed for.

The distance is the share of letters that differ (optimal string alignment, Damerau 1964) in the
words that belong together, plus a little for each word that is missing or only an initial.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

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
        orders = (plain, [*plain[1:], plain[0]], [plain[-1], *plain[:-1]])
        return frozenset("".join(order) for order in orders)


def parse_name(text: str) -> Name:
    """A name in any style: `Doe^John`, `Doe, John`, `John Doe`; nothing for `Anonymous`."""
    first_group = next((group for group in text.split("=") if group.strip(" ^")), "")
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
            distance = name_distance(name, self._names[key], words)
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


def name_distance(name: Name, other: Name, words: Sequence[Mapping[str, float]]) -> float:
    """How far apart two names are, 0 to 1; `words` are the near words of each word of the first."""
    pairs = sorted(_word_pairs(name, other, words))
    ours = set(range(len(name.words)))
    theirs = set(range(len(other.words)))
    cost, letters, whole, alone = 0.0, 0, 0, False

    for distance, is_initial, mine, yours in pairs:
        if mine not in ours or yours not in theirs:
            continue
        ours.discard(mine)
        theirs.discard(yours)
        if is_initial:
            cost += _INITIAL
            continue
        length = len(other.words[yours][0])
        letters += length
        cost += distance * length / max(name.letters, 1)
        whole += 1
        alone = alone or (distance == 0 and length >= _LEAST_ALONE)

    missing = min(len(ours), len(theirs))
    if missing or not _is_enough(whole, max(len(name.words), len(other.words)), alone):
        return 1.0
    return cost + _MISSING * (len(ours) + len(theirs))


def _word_pairs(
    name: Name, other: Name, words: Sequence[Mapping[str, float]]
) -> Iterable[tuple[float, bool, int, int]]:
    """Distance, whether one is an initial, and the places of two words that may be the same."""
    for yours, forms in enumerate(other.words):
        for mine, near in enumerate(words):
            our_word = name.words[mine][0]
            distances = [near[form] for form in forms if form in near]
            if distances:
                yield min(distances), False, mine, yours
            elif 1 in (len(our_word), len(forms[0])) and our_word[0] == forms[0][0]:
                yield 1.0, True, mine, yours


def _is_enough(whole: int, most: int, alone: bool) -> bool:
    """Whether the words in common can mean one person; one alone must be exact and not short."""
    if whole >= 2:
        return True
    return whole == 1 and alone and most <= 2


def _is_shortened(one: str, other: str) -> bool:
    """Whether one word begins with the other: Rob, Robert."""
    short, long = sorted((one, other), key=len)
    return len(short) >= _LEAST_SHORTENED and short != long and long.startswith(short)
