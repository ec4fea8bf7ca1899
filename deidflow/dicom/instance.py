"""From raw top-level values to the few facts about an instance that grouping and policy need."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from deidflow.dicom.encoding import fits_syntax
from deidflow.dicom.structure import NestedValue, Structure

PATIENT_NAME, PATIENT_ID, BIRTH_DATE = 0x00100010, 0x00100020, 0x00100030
TEXT_FIELDS = {
    "sop_class": 0x00080016,
    "sop_uid": 0x00080018,
    "study_uid": 0x0020000D,
    "series_uid": 0x0020000E,
    "modality": 0x00080060,
    "patient_name": PATIENT_NAME,
    "patient_id": PATIENT_ID,
    "issuer": 0x00100021,
    "birth_date": BIRTH_DATE,
    "patient_sex": 0x00100040,
    "study_date": 0x00080020,
    "study_time": 0x00080030,
    "series_date": 0x00080021,
    "acquisition_date": 0x00080022,
    "content_date": 0x00080023,
    "series_time": 0x00080031,
    "acquisition_time": 0x00080032,
    "content_time": 0x00080033,
    "acquisition_datetime": 0x0008002A,
    "timezone": 0x00080201,
    "series_number": 0x00200011,
    "instance_number": 0x00200013,
    "image_type": 0x00080008,
    "burned_in": 0x00280301,
    "conversion_type": 0x00080064,
    "photometric": 0x00280004,
    "position": 0x00200032,
    "orientation": 0x00200037,
    "spacing": 0x00280030,
    "frames": 0x00280008,
    "trigger_time": 0x00181060,
}
SHORT_FIELDS = {
    "rows": 0x00280010,
    "columns": 0x00280011,
    "samples": 0x00280002,
    "bits_allocated": 0x00280100,
}
IDENTIFIER_TAGS = {
    0x00100010: "name",
    0x00101001: "name",
    0x00101005: "name",
    0x00101060: "name",
    0x00080090: "staff",
    0x00081048: "staff",
    0x00081050: "staff",
    0x00081060: "staff",
    0x00081070: "staff",
    0x0008009C: "staff",
    0x00102297: "staff",
    0x00321032: "staff",
    0x00400006: "staff",
    0x0040A075: "staff",
    0x0040A123: "staff",
    0x00380010: "number",
    0x00402016: "number",
    0x00402017: "number",
    0x00100020: "id",
    0x00101000: "id",
    0x00080050: "number",
    0x00200010: "number",
    0x00101040: "contact",
    0x00102154: "contact",
    0x00080080: "text",
    0x00080081: "text",
    0x00081010: "text",
    0x00081040: "text",
    0x00181000: "text",
    0x00100030: "birth",
    0x00080020: "date",
    0x00080021: "date",
    0x00080022: "date",
    0x00080023: "date",
}
"""Attributes whose values identify: of what kind they are, for the search for leaks."""
NAMES, NUMBERS, DATES = (
    frozenset(("name", "staff")),
    frozenset(("id", "number")),
    frozenset(("birth", "date")),
)
"""Kinds of identifiers by how they are searched; all others as a whole."""

CHARSET = 0x00080005
_ISO_2022 = b"\\".join(
    b"ISO 2022 IR %d" % number for number in (6, 13, 58, 87, 100, 126, 144, 149, 159)
)
NESTED = frozenset(tag for tag, kind in IDENTIFIER_TAGS.items() if kind != "date")
"""Identifying attributes that are looked for in sequences too."""
WANTED = frozenset([*TEXT_FIELDS.values(), *SHORT_FIELDS.values(), *IDENTIFIER_TAGS, CHARSET])


class Instance(NamedTuple):
    """One DICOM object, as its header describes it; all values are the source's own."""

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
    rows: int
    columns: int
    samples: int
    bits_allocated: int
    transfer_syntax: str
    pixel_length: int | None
    encapsulated: bool
    encoding_fits: bool
    """Whether the pixel data are encoded as the transfer syntax says."""
    identifiers: tuple[tuple[str, str], ...]
    """Kind and value of everything in the header that identifies: ("name", "DOE^JANE")."""

    def to_json(self) -> dict[str, Any]:
        """The instance as a dict."""
        return self._asdict()

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Instance:
        """The inverse of `to_json`."""
        pairs = tuple((kind, value) for kind, value in row["identifiers"])
        return cls(**{**row, "identifiers": pairs})

    @property
    def pixel_bytes(self) -> int:
        """Bytes of uncompressed pixel data that rows, columns, samples, bits and frames ask for."""
        bits = (
            self.rows
            * self.columns
            * (self.samples or 1)
            * self.bits_allocated
            * frame_count(self.frames)
        )
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
    """Number of frames; 1 where the attribute is absent or no number."""
    return int(text) if text.isdigit() and int(text) > 0 else 1


def describe(structure: Structure) -> Instance:
    """Decode the picked-up values; what cannot be decoded becomes the empty string or 0."""
    values = structure.values
    decode = decoder(values.get(CHARSET, b""))
    texts = {name: decode(values.get(tag, b"")) for name, tag in TEXT_FIELDS.items()}
    shorts = {
        name: short_of(values.get(tag, b""), structure.big_endian)
        for name, tag in SHORT_FIELDS.items()
    }
    charset = values.get(CHARSET, b"")
    found = [NestedValue(tag, values[tag], charset) for tag in IDENTIFIER_TAGS if values.get(tag)]
    identifiers = dict.fromkeys(
        pair
        for tag, raw, own in (*found, *structure.nested)
        for pair in identifiers_in(tag, raw, own or charset)
    )
    return Instance(
        **texts,  # type: ignore[arg-type]
        **shorts,  # type: ignore[arg-type]
        transfer_syntax=structure.transfer_syntax,
        pixel_length=structure.pixel_length,
        encapsulated=structure.encapsulated,
        encoding_fits=structure.pixel_length is None
        or fits_syntax(
            structure.transfer_syntax,
            encapsulated=structure.encapsulated,
            codestream=structure.codestream,
        ),
        identifiers=tuple(identifiers),
    )


def identifiers_in(tag: int, raw: bytes, charset: bytes) -> Iterator[tuple[str, str]]:
    """Kind and value of each value of an identifying attribute, in every way that its bytes can be read."""
    for text in dict.fromkeys((decoder(charset)(raw), *other_readings(raw))):
        yield from (
            (IDENTIFIER_TAGS[tag], value.strip()) for value in text.split("\\") if value.strip()
        )


def other_readings(raw: bytes) -> Iterator[str]:
    """What bytes say under a character set that the header does not name: UTF-8, or ISO 2022 by its escapes."""
    if b"\x1b" in raw:
        yield decoder(_ISO_2022)(raw)
    if not raw.isascii():
        try:
            yield raw.decode("utf-8").strip("\0 ")
        except UnicodeDecodeError:
            return


def short_of(raw: bytes, big_endian: bool) -> int:
    """The first US value; 0 where there is none."""
    return struct.unpack(">H" if big_endian else "<H", raw[:2])[0] if len(raw) >= 2 else 0


@lru_cache(maxsize=64)
def decoder(charset: bytes) -> Callable[[bytes], str]:
    """Decodes values of a header with this SpecificCharacterSet."""
    from pydicom.charset import decode_bytes

    encodings = encodings_of(charset.decode("ascii", "replace"))

    def decode(raw: bytes) -> str:
        if raw.isascii() and b"\x1b" not in raw:
            return raw.decode("ascii").strip("\0 ")
        return str(decode_bytes(raw, encodings, {0x5C, 0x5E, 0x3D})).strip("\0 ")

    return decode


def encodings_of(charset: str) -> list[str]:
    """Python codecs for a SpecificCharacterSet; Latin-1 where it is not understood (PS3.3 C.12.1.1.2)."""
    from pydicom.charset import convert_encodings

    try:
        return list(convert_encodings([part.strip("\0 ") for part in charset.split("\\")]))
    except (LookupError, ValueError):
        return ["iso8859"]
