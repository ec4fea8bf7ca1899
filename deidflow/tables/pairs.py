"""Subjects of the vault and persons of a table, in pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from deidflow.identity.vault import Vault
from deidflow.release.layout import Layout
from deidflow.settings.tables import TableSettings
from deidflow.tables.matching import Match, match_people
from deidflow.tables.people import RowPerson, Subject, subjects_of


@dataclass(frozen=True)
class Pairing:
    """A subject, the person of the table who is meant, and how that was found."""

    subject: Subject
    person: RowPerson | None
    match: Match


def pair_up(
    subjects: Sequence[Subject], people: Sequence[RowPerson], settings: TableSettings
) -> list[Pairing]:
    """Each subject with the person of the table who is meant."""
    sought = {place: subject.who for place, subject in enumerate(subjects)}
    rows = {place: person.who for place, person in enumerate(people)}
    matches = match_people(
        sought,
        rows,
        settings.match.threshold,
    )

    pairings = []
    for place, subject in enumerate(subjects):
        match = matches[place]
        if match.row is None:
            pairings.append(Pairing(subject, None, match))
            continue
        person = people[match.row]
        if person.is_mixed:
            candidate = (match.row, match.distance)
            match = Match(
                None,
                "ambiguous",
                candidates=(candidate,),
            )
            pairings.append(Pairing(subject, None, match))
        else:
            pairings.append(Pairing(subject, person, match))
    return pairings


def unpaired(pairings: Sequence[Pairing], people: Sequence[RowPerson]) -> list[RowPerson]:
    """Persons of the table who are nobody's match with images."""
    taken = set()
    for pairing in pairings:
        if pairing.person and pairing.subject.has_images:
            taken.add(pairing.person.rows)
    return [person for person in people if person.rows not in taken]


def name_the_rest(
    vault: Vault,
    layout: Layout,
    settings: TableSettings,
    pairings: Sequence[Pairing],
    people: Sequence[RowPerson],
) -> list[Pairing]:
    """Give pseudonyms to persons of the table whom the vault does not know and nobody may be."""
    taken = set()
    for pairing in pairings:
        if pairing.person is not None:
            taken.add(pairing.person.rows)
        for place, _ in pairing.match.candidates:
            taken.add(people[place].rows)
    new = [person for person in people if person.rows not in taken and not person.is_mixed]

    persons = [person.person() for person in new]
    identities = vault.identify(
        persons,
        settings.ids,
        settings.sessions,
    )
    by_name = {subject.pseudonym: subject for subject in subjects_of(vault, layout, settings)}
    added = []
    for person in new:
        pseudonym = identities[person.key].pseudonym
        subject = replace(by_name[pseudonym], has_images=False)
        added.append(
            Pairing(
                subject,
                person,
                Match(None, "new"),
            )
        )
    return added


def missing_sides(pairings: Sequence[Pairing]) -> list[tuple[str, str]]:
    """Pseudonyms, and the side on which they are missing."""
    missing = []
    for pairing in pairings:
        subject = pairing.subject
        if subject.has_images and pairing.person is None:
            missing.append((subject.pseudonym, "table"))
        if pairing.person is not None and not subject.has_images:
            missing.append((subject.pseudonym, "images"))
    return sorted(missing)
