"""Structure of an instance: nothing beside its elements, no byte beside its pixels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from deidflow.checks.fragments import texts_in
from deidflow.checks.words import readable
from deidflow.verifier.findings import Check, Mark
from deidflow.verifier.instance import Instance
from deidflow.verifier.suspicion import suspicions_in_binary

_META_NEEDED = frozenset((0x00020002, 0x00020003, 0x00020010, 0x00020012))
_META_ALLOWED = _META_NEEDED | {0x00020000, 0x00020001, 0x00020013}
_TITLES_OF_TOOLS = frozenset(("", "GDCMANON", "ANON", "ANONYMOUS", "CTP", "DCMTK", "PYNETDICOM"))
"""Titles that other tools write; none is that of a machine."""
_META_NAMES = {
    0x00020016: "SourceApplicationEntityTitle",
    0x00020017: "SendingApplicationEntityTitle",
    0x00020018: "ReceivingApplicationEntityTitle",
    0x00020100: "PrivateInformationCreatorUID",
    0x00020102: "PrivateInformation",
}
_SOP_CLASS, _SOP_INSTANCE = 0x00080016, 0x00080018
_FRAMES, _ROWS, _COLUMNS, _SAMPLES = 0x00280008, 0x00280010, 0x00280011, 0x00280002
_PHOTOMETRIC, _ALLOCATED, _STORED = 0x00280004, 0x00280100, 0x00280101
_HIGH, _SIGNED = 0x00280102, 0x00280103
_WORDS = {8: "u1", 16: "u2", 32: "u4"}
_BIG = "1.2.840.10008.1.2.2"


def structure_of(instance: Instance, *, is_ours: bool = True) -> Iterator[Mark]:
    """What in an instance is not as a release promises."""
    for part, words in instance.problems:
        yield Mark(
            Check.STRUCTURE,
            part,
            words,
        )

    if any(instance.preamble):
        yield Mark(
            Check.STRUCTURE,
            "preamble",
            "is not empty",
        )
    yield from _meta(instance, is_ours=is_ours)
    if instance.pixels is not None:
        yield from _pixels(instance)


def _meta(instance: Instance, *, is_ours: bool) -> Iterator[Mark]:
    meta = instance.meta
    for tag in sorted(meta.keys() - _META_ALLOWED):
        if not is_ours and instance.meta_text(tag).upper() in _TITLES_OF_TOOLS:
            continue
        name = _META_NAMES.get(tag, f"0002,{tag & 0xFFFF:04x}")
        yield Mark(
            Check.STRUCTURE,
            name,
            "must not be in the file meta",
        )
    if not meta.keys() >= _META_NEEDED:
        yield Mark(
            Check.STRUCTURE,
            "file meta",
            "lacks a required element",
        )

    pairs = (
        (0x00020002, _SOP_CLASS, "MediaStorageSOPClassUID"),
        (0x00020003, _SOP_INSTANCE, "MediaStorageSOPInstanceUID"),
    )
    for tag, inside, name in pairs:
        if instance.meta_text(tag) != instance.text(inside):
            yield Mark(
                Check.STRUCTURE,
                name,
                "differs from the data set",
            )
    if instance.syntax == _BIG:
        yield Mark(
            Check.STRUCTURE,
            "TransferSyntaxUID",
            "is the retired Big Endian",
        )


def _pixels(instance: Instance) -> Iterator[Mark]:
    if instance.pixels is None:
        return

    if instance.pixels.encapsulated:
        yield from _codestream(instance.body[instance.pixels.start : instance.pixels.end])
        return

    bits = instance.short(_ALLOCATED) * value_count(instance)
    expected = (bits + 7) // 8
    length = instance.pixels.end - instance.pixels.start
    if _is_subsampled(instance):
        return

    if length != expected + expected % 2:
        yield Mark(
            Check.PIXELS,
            "PixelData",
            "has another length than rows and columns say",
        )
    elif _spare_bits_used(instance):
        yield Mark(
            Check.PIXELS,
            "PixelData",
            "bits beside the stored values are in use",
        )


def value_count(instance: Instance) -> int:
    """Number of stored values by rows, columns, samples and frames."""
    frames = instance.text(_FRAMES)
    planes = int(frames[:12]) if frames[:12].isdecimal() and int(frames[:12]) else 1
    size = instance.short(_ROWS) * instance.short(_COLUMNS)
    return planes * size * instance.short(_SAMPLES, 1)


def _is_subsampled(instance: Instance) -> bool:
    """Whether two pixels share their colour (YBR_FULL_422), so that fewer bytes are stored."""
    return instance.text(_PHOTOMETRIC).endswith("422")


def _spare_bits_used(instance: Instance) -> bool:
    """Whether bits outside BitsStored hold more than a sign that goes on (PS3.5 section 8.1.1)."""
    allocated, stored = instance.short(_ALLOCATED), instance.short(_STORED)
    if allocated not in _WORDS or not 0 < stored < allocated:
        return False
    lowest = instance.short(_HIGH, stored - 1) - stored + 1
    order = ">" if instance.syntax == _BIG else "<"
    if instance.pixels is None:
        return False

    cells = np.frombuffer(
        instance.body,
        dtype=f"{order}{_WORDS[allocated]}",
        count=value_count(instance),
        offset=instance.pixels.start,
    )
    used = int(np.bitwise_or.reduce(cells)) if len(cells) else 0
    spare = ~(((1 << stored) - 1) << lowest) & ((1 << allocated) - 1)
    if not used & spare:
        return False
    if instance.short(_SIGNED) and lowest == 0:
        return not _is_extended(
            cells.astype(np.int64),
            stored,
            allocated,
        )
    return True


def _is_extended(
    values: np.ndarray[tuple[int], np.dtype[np.int64]], stored: int, allocated: int
) -> bool:
    """Whether the bits above each stored value repeat its sign."""
    low = values & ((1 << stored) - 1)
    negative = low >> (stored - 1) == 1
    above = ((1 << allocated) - 1) ^ ((1 << stored) - 1)
    expected = np.where(
        negative,
        low | above,
        low,
    )
    return bool(np.array_equal(expected, values))


def _codestream(stored: bytes) -> Iterator[Mark]:
    """Text in compressed pixels."""
    for part in texts_in(stored):
        for text in readable(part):
            for suspicion in suspicions_in_binary(text):
                yield Mark(
                    Check.TEXT,
                    "PixelData",
                    f"looks like {suspicion.value}",
                )
