"""From raw top-level values to the few facts about an instance that grouping and policy need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from deidflow.dicom.attributes import fact_columns, identifier_kinds
from deidflow.dicom.character_sets import CHARSET, decoder, other_readings
from deidflow.dicom.encoding import fits_syntax
from deidflow.dicom.structure import NestedValue, Structure

_MORE_THAN_IS = 13
"""An integer string (IS) has at most 12 characters; a longer one is too large a number anyway."""
Fact = str | int
Pair = tuple[str, str]
"""Kind and value of an identifier: ("name", "DOE^JANE")."""


class Instance(NamedTuple):
    """One DICOM object, as its header describes it; all values are the source's own.

    The first fields are values of attributes, in the order of `attributes.fact_columns`.
    """

    sop_class: str
    sop_uid: str
    study_uid: str
    series_uid: str
    modality: str
    patient_name: str
    patient_id: str
    issuer: str
    birth_date: str
    patient_sex: str
    study_date: str
    study_time: str
    series_date: str
    acquisition_date: str
    content_date: str
    series_time: str
    acquisition_time: str
    content_time: str
    acquisition_datetime: str
    timezone: str
    series_number: str
    instance_number: str
    image_type: str
    burned_in: str
    conversion_type: str
    photometric: str
    position: str
    orientation: str
    spacing: str
    frames: str
    trigger_time: str
    body_part: str
    series_description: str
    protocol_name: str
    rows: int
    columns: int
    samples: int
    bits_allocated: int
    transfer_syntax: str
    pixel_length: int | None
    encapsulated: bool
    encoding_fits: bool
    """Whether the pixel data are encoded as the transfer syntax says."""
    identifiers: tuple[Pair, ...]
    """Everything in the header that identifies."""

    @property
    def pixel_bytes(self) -> int:
        """Bytes of uncompressed pixel data for the rows, columns, samples, bits and frames."""
        samples = self.samples or 1
        pixels = self.rows * self.columns * frame_count(self.frames)
        bits = pixels * samples * self.bits_allocated
        return (bits + 7) // 8

    @property
    def pixels_fit(self) -> bool:
        """Whether uncompressed pixel data have the length that rows, columns and frames ask for."""
        if self.pixel_length is None or self.encapsulated:
            return True
        need = self.pixel_bytes
        if self.photometric == "YBR_FULL_422":
            need = need * 2 // 3
        return self.pixel_length in (need, need + need % 2)


def frame_count(text: str) -> int:
    """Number of frames; 1 if the attribute is absent or not a positive number."""
    if not text.isdecimal():
        return 1
    count = int(text[:_MORE_THAN_IS])
    return max(1, count)


def describe(structure: Structure) -> Instance:
    """Decode the picked-up values; what cannot be decoded becomes the empty string or 0."""
    rest = (
        structure.transfer_syntax,
        structure.pixel_length,
        structure.encapsulated,
        _encoding_fits(structure),
        _identifiers(structure),
    )
    return Instance._make((*_facts(structure), *rest))


def _facts(structure: Structure) -> list[Fact]:
    """The fields of an instance that are values of attributes, in their order."""
    values = structure.values
    decode = decoder(values.get(CHARSET, b""))
    facts: list[Fact] = []
    for tag, column in fact_columns().items():
        raw = values.get(tag, b"")
        if column.is_number:
            number = short_of(raw, structure.big_endian)
            facts.append(number)
        else:
            text = decode(raw)
            facts.append(text)
    return facts


def no_facts() -> list[Fact]:
    """The facts of a header without any attribute."""
    facts: list[Fact] = []
    for column in fact_columns().values():
        facts.append(0 if column.is_number else "")
    return facts


def _encoding_fits(structure: Structure) -> bool:
    if structure.pixel_length is None:
        return True
    return fits_syntax(
        structure.transfer_syntax,
        encapsulated=structure.encapsulated,
        codestream=structure.codestream,
    )


def _identifiers(structure: Structure) -> tuple[Pair, ...]:
    """Kind and value of the identifiers in the data set and its sequences, each pair once."""
    values = structure.values
    charset = values.get(CHARSET, b"")
    sources: list[NestedValue] = []
    for tag in identifier_kinds():
        if values.get(tag):
            sources.append(NestedValue(tag, values[tag], charset))

    pairs: dict[Pair, None] = {}
    for tag, raw, charset_of_item in (*sources, *structure.nested):
        found = identifiers_in(
            tag,
            raw,
            charset_of_item or charset,
        )
        pairs.update(dict.fromkeys(found))
    return tuple(pairs)


def identifiers_in(tag: int, raw: bytes, charset: bytes) -> Iterator[Pair]:
    """Kind and value of each value of an identifying attribute, in every reading of its bytes."""
    kind = identifier_kinds()[tag]
    readings = (decoder(charset)(raw), *other_readings(raw))
    for text in dict.fromkeys(readings):
        for value in text.split("\\"):
            stripped = value.strip()
            if stripped:
                yield kind, stripped


def short_of(raw: bytes, big_endian: bool) -> int:
    """The first US value; 0 if there is none."""
    if len(raw) < 2:
        return 0
    return int.from_bytes(
        raw[:2],
        "big" if big_endian else "little",
    )
