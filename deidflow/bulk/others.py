"""Other patients of the same call: their names and numbers must not be in what a header keeps."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from deidflow.checks.leaks import LeakSearch
from deidflow.checks.ours import Ours
from deidflow.checks.own import OwnIdentifiers
from deidflow.checks.shared import SharedValues
from deidflow.errors import Withheld
from deidflow.header.profile import Profile
from deidflow.header.selectors import keyword_of
from deidflow.identity.neighbours import Neighbours
from deidflow.identity.workorder import WorkOrder
from deidflow.verdicts import Reason


@dataclass(frozen=True)
class OthersSearch:
    """Refuses kept texts of one session that hold a full name or a number of another patient."""

    search: LeakSearch

    def __call__(self, tag: int, text: str) -> None:
        """Raise Withheld, with the attribute as its detail, for what is another patient's."""
        if self.search.text(keyword_of(tag), text):
            raise Withheld(Reason.ANOTHER_PATIENT, keyword_of(tag))

    @property
    def doubtful(self) -> Counter[str]:
        """Attributes with a single word of another patient's name, which refuses nothing."""
        return self.search.doubtful


def others_search(order: WorkOrder, profile: Profile, folder: str) -> OthersSearch:
    """What refuses other patients' identifiers in the headers of a session."""
    neighbours = Neighbours(Path(folder), bytes.fromhex(order.hash_key))
    cohort = neighbours.cohort(profile.search, with_uids=False)
    shared = SharedValues(neighbours.files_of_others(order.pseudonym))
    ours = Ours(frozenset((order.pseudonym, order.sessions[0].label)))
    return OthersSearch(LeakSearch(OwnIdentifiers.of(()), ours, cohort, frozenset(), shared))
