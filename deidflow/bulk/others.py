"""Other patients of the same call: their names and numbers must not stay in a header."""

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
    """Refuses texts of one session that contain a full name or a number of another patient."""

    search: LeakSearch

    def __call__(self, tag: int, text: str) -> None:
        """Raise Withheld, with the attribute as its detail, if a kept text is another patient's."""
        keyword = keyword_of(tag)
        if self.search.text(keyword, text):
            raise Withheld(Reason.ANOTHER_PATIENT, keyword)

    @property
    def doubtful(self) -> Counter[str]:
        """Attributes with a single word of another patient's name; they are not refused."""
        return self.search.doubtful


def others_search(order: WorkOrder, profile: Profile, folder: str) -> OthersSearch:
    """The search in the headers of a session; `folder` has the identifiers of all patients."""
    hash_key = bytes.fromhex(order.hash_key)
    neighbours = Neighbours(Path(folder), hash_key)
    cohort = neighbours.cohort(profile.search, with_uids=False)
    files = neighbours.files_of_others(order.pseudonym)
    ours = Ours(frozenset((order.pseudonym, order.sessions[0].label)))

    search = LeakSearch(
        OwnIdentifiers.of(()),
        ours,
        cohort,
        frozenset(),
        SharedValues(files),
    )
    return OthersSearch(search)
