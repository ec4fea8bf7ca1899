"""Subjects and sessions as a manifest calls them: what of it may be a name in the release."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from deidflow.dicom.written_dates import days_meant
from deidflow.errors import UsageError
from deidflow.identity.persons import Person
from deidflow.identity.pseudonyms import (
    PSEUDONYM,
    count_identifying,
    names_person,
)
from deidflow.settings.sections import IdSettings

_RESERVED = frozenset(("archives", "neighbours", "report", "sourcedata", "derivatives"))
"""Names of folders of ours, which no subject can have."""
_OTHERWISE = (
    "give them others, or say 'ids.manifest: groups', which names them as ids.strategy says"
)


def names_by_manifest(settings: IdSettings) -> bool:
    """Whether a manifest's subjects and sessions are names in the release."""
    return settings.manifest != "groups"


def manifest_names(
    new: Sequence[Person], taken: Collection[str], settings: IdSettings
) -> dict[str, str]:
    """Subject key -> pseudonym, for new subjects whom a manifest names.

    Raises UsageError for one that no folder can have, or that somebody else has.
    """
    if not names_by_manifest(settings):
        return {}

    names = {person.key: person.label for person in new if person.label}
    odd = sum(not _is_usable(name) for name in names.values())
    if odd:
        raise UsageError(
            f"{odd} subjects of the manifest are no names of folders: letters, digits, - and _, "
            f"at most 48; {_OTHERWISE}"
        )

    letters = Counter(map(_letters, {*taken, *names.values()}))
    theirs = sum(name in taken or letters[_letters(name)] > 1 for name in names.values())
    if theirs:
        raise UsageError(
            f"{theirs} subjects of the manifest are called as another subject, or differ from one "
            f"only in signs, which names in BIDS cannot have; {_OTHERWISE}"
        )

    return names


def _letters(name: str) -> str:
    """What BIDS takes of a name."""
    return "".join(filter(str.isalnum, name.removeprefix("sub-")))


def _is_usable(name: str) -> bool:
    return bool(PSEUDONYM.fullmatch(name)) and name.lower() not in _RESERVED


def check_manifest_names(persons: Sequence[Person], settings: IdSettings) -> None:
    """Raise UsageError where a subject or session of a manifest is, or contains, an identifier.

    Not with `ids.manifest: kept`.
    """
    if settings.manifest != "names":
        return

    texts = {person.key: {person.label} for person in persons if person.label}
    subjects = count_identifying(texts, persons)
    if subjects:
        raise UsageError(
            f"{subjects} subjects of the manifest are, or contain, an identifier of a patient of "
            f"the source; {_OTHERWISE}, or 'ids.manifest: kept', which lets them out"
        )

    sessions = sum(map(_identifying_sessions, persons))
    if sessions:
        raise UsageError(
            f"{sessions} sessions of the manifest are, or contain, a date, name or number of their "
            f"patient; {_OTHERWISE}, or 'ids.manifest: kept', which lets them out"
        )


def _identifying_sessions(person: Person) -> int:
    """How many session names tell a date, or something of the patient's own."""
    own = {part.casefold() for part in person.identifying}
    labels = set(person.session_labels.values())
    telling = [
        label
        for label in labels
        if label.casefold() in own or days_meant(label) or names_person((label,), person)
    ]
    return len(telling)


def check_published_names(
    persons: Iterable[Person],
    pseudonyms: Mapping[str, str],
    published: Mapping[str, str],
    settings: IdSettings,
) -> None:
    """Raise UsageError where the vault has other names for subjects of a manifest.

    `pseudonyms` are by subject key, `published` by study UID.
    """
    if not names_by_manifest(settings):
        return
    renamed = 0
    for person in persons:
        names = {published[uid] for uid in person.studies if uid in published}
        names.add(pseudonyms[person.key])
        renamed += bool(person.label) and names != {person.label}
    if renamed:
        raise UsageError(
            f"{renamed} subjects of the manifest have other names in this vault, which never "
            "change; leave the column 'subject' out, or choose another project"
        )


def check_published_sessions(labels: Mapping[str, str], person: Person) -> None:
    """Raise UsageError where a published session of a patient has another name in a manifest."""
    for uid, name in person.session_labels.items():
        if not labels[uid].startswith(name):
            raise UsageError(
                "a session of the manifest is published under another name, which never changes; "
                "leave the column 'session' out, or choose another project"
            )
