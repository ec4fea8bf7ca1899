"""Studies that an archive has for a row of the list, at study level."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from deidflow.pacs.association import application_entity, associated
from deidflow.pacs.store_dimse import matches
from deidflow.pacs.wanted import WantedStudy
from deidflow.pacs.web import studies_by_web
from deidflow.settings.pacs import PacsSettings, PeerSettings

_TAGS = {
    "AccessionNumber": "00080050",
    "PatientID": "00100020",
    "StudyInstanceUID": "0020000D",
    "NumberOfStudyRelatedInstances": "00201208",
    "SOPClassesInStudy": "00080062",
}


@dataclass(frozen=True)
class FoundStudy:
    """A study of an archive; what it did not tell is None or empty."""

    study_uid: str
    instances: int | None
    classes: tuple[str, ...] = ()


Answer = Mapping[str, tuple[str, ...]]
"""Values by keyword; a keyword that was not answered is missing or empty."""


def find(pacs: PacsSettings, peer: PeerSettings, wanted: WantedStudy) -> list[FoundStudy]:
    """The studies that match all keys of a row; raises ConnectionLost and Refused."""
    if peer.url:
        answers = [_from_json(row) for row in studies_by_web(pacs, peer, wanted.keys)]
    else:
        answers = _answers_by_dimse(pacs, peer, wanted)
    return matching_studies(wanted, answers)


def matching_studies(wanted: WantedStudy, answers: Iterable[Answer]) -> list[FoundStudy]:
    """The studies of the answers, each once.

    An archive that does not know a key as a filter answers with more studies than were asked for:
    one that says another value is left out.
    """
    found: dict[str, FoundStudy] = {}
    for answer in answers:
        study_uid = _first(answer, "StudyInstanceUID")
        if not study_uid or not _agrees(wanted, answer):
            continue
        classes = answer.get("SOPClassesInStudy", ())
        found[study_uid] = FoundStudy(
            study_uid,
            _count(answer),
            tuple(filter(None, classes)),
        )
    return list(found.values())


def _agrees(wanted: WantedStudy, answer: Answer) -> bool:
    for keyword, value in wanted.keys.items():
        told = _first(answer, keyword)
        if told and told != value:
            return False
    return True


def _first(answer: Answer, keyword: str) -> str:
    values = answer.get(keyword) or ("",)
    return values[0].strip(" \0")


def _count(answer: Answer) -> int | None:
    text = _first(answer, "NumberOfStudyRelatedInstances")
    return int(text) if text.isdecimal() else None


def _answers_by_dimse(pacs: PacsSettings, peer: PeerSettings, wanted: WantedStudy) -> list[Answer]:
    entity = application_entity(pacs)
    from pydicom.dataset import Dataset
    from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind as Find

    asked = Dataset()
    asked.QueryRetrieveLevel = "STUDY"
    if not all(map(str.isascii, wanted.keys.values())):
        asked.SpecificCharacterSet = "ISO_IR 192"
    for keyword in _TAGS:
        setattr(asked, keyword, wanted.keys.get(keyword, ""))

    entity.add_requested_context(Find)
    with associated(entity, pacs, peer) as association:
        answers = association.send_c_find(asked, Find)
        return [_from_data_set(row) for row in matches(answers, peer)]


def _from_data_set(row: Any) -> Answer:
    answer: dict[str, tuple[str, ...]] = {}
    for keyword in _TAGS:
        value = row.get(keyword)
        answer[keyword] = _texts(value)
    return answer


def _texts(value: Any) -> tuple[str, ...]:
    """The values of an element as text; several of them are a sequence."""
    if value is None:
        return ()
    if isinstance(value, (str, int)):
        return (str(value),)
    return tuple(map(str, value))


def _from_json(row: Mapping[str, Any]) -> Answer:
    """An answer of QIDO-RS (PS3.18 annex F)."""
    answer: dict[str, tuple[str, ...]] = {}
    for keyword, tag in _TAGS.items():
        element = row.get(tag, {})
        values = element.get("Value") or ()
        answer[keyword] = _texts(values)
    return answer
