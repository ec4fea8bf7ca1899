"""Pixels of a released file beside those of its source: which bits count, what must be blank."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from deidflow.checks.cells import Cells, in_shape, used_bits
from deidflow.checks.decoded_pixels import decoded_values
from deidflow.checks.pixels import BlankedPart, PackedMask, PixelFile, differ
from tests.synthetic import as_file, mr_instance

SHAPE = (1, 2, 3, 1)


def cells(**changes: Any) -> Cells:
    """Two rows of three values of 16 bits, of which 12 count."""
    known: dict[str, Any] = {
        "start": 0,
        "end": 12,
        "shape": SHAPE,
        "planar": False,
        "allocated": 16,
        "stored": 12,
        "lowest": 0,
    }
    return Cells(**known | changes)


def stored(*values: int, dtype: str = "<u2") -> bytes:
    return np.array(values, dtype).tobytes()


def packed(*removed: int) -> PackedMask:
    """A mask that removes the pixels with these numbers."""
    mask = np.zeros(6, bool)
    mask[list(removed)] = True
    return np.packbits(mask)


PLAIN = stored(1, 2, 3, 4, 5, 6)


def differs(before: bytes, after: bytes, mask: PackedMask | None = None, **changes: Any) -> bool:
    source = PixelFile(before, cells())
    released = PixelFile(after, cells(**changes))
    return differ(source, released, mask, Path("unused"))


def test_the_same_values_do_not_differ() -> None:
    assert not differs(PLAIN, PLAIN)
    assert not differs(PLAIN, PLAIN, packed())


def test_one_bit_of_a_stored_value_differs() -> None:
    assert differs(PLAIN, stored(1, 2, 3, 4, 5, 7))


def test_bits_outside_of_bits_stored_do_not_count() -> None:
    assert not differs(PLAIN, stored(1, 2, 3, 4, 5, 6 | 0xF000))
    assert differs(PLAIN, stored(1, 2, 3, 4, 5, 6 | 0x0800))


def test_values_may_be_elsewhere_in_the_other_file() -> None:
    assert not differs(PLAIN, b"header" + PLAIN, start=6, end=18)


def test_another_shape_differs() -> None:
    assert differs(PLAIN, PLAIN, shape=(1, 3, 2, 1))
    assert differs(PLAIN, PLAIN, packed(0), shape=(1, 3, 2, 1))


def test_the_same_bytes_with_another_meaning_of_bits_differ() -> None:
    assert differs(PLAIN, PLAIN, stored=2)
    assert differs(PLAIN, PLAIN, lowest=1)


def test_what_was_removed_may_differ_but_must_be_of_one_value() -> None:
    mask = packed(0, 1)
    assert not differs(PLAIN, stored(0, 0, 3, 4, 5, 6), mask)
    assert not differs(PLAIN, stored(9, 9, 3, 4, 5, 6), mask)
    assert differs(PLAIN, stored(0, 9, 3, 4, 5, 6), mask)


def test_a_face_that_was_left_is_found() -> None:
    assert differs(PLAIN, PLAIN, packed(0, 1))


def test_a_value_beside_the_mask_must_not_change() -> None:
    assert differs(PLAIN, stored(0, 0, 0, 4, 5, 6), packed(0, 1))


def test_each_frame_may_have_its_own_blank_value() -> None:
    shape = (2, 1, 3, 1)
    mask = packed(0, 1, 3, 4)
    source = PixelFile(PLAIN, cells(shape=shape))
    blank = PixelFile(stored(7, 7, 3, 8, 8, 6), cells(shape=shape))
    mixed = PixelFile(stored(7, 7, 3, 8, 9, 6), cells(shape=shape))
    assert not differ(source, blank, mask, Path("unused"))
    assert differ(source, mixed, mask, Path("unused"))


@pytest.mark.parametrize("frames", [(), (2,)])
def test_what_was_read_as_blank_must_be_removed(frames: tuple[int, ...]) -> None:
    shape = (2, 1, 3, 1)
    source = PixelFile(PLAIN, cells(shape=shape))
    part = BlankedPart(top=0, left=1, rows=5, columns=9, frames=frames)

    def is_refused(released: bytes, mask: PackedMask | None) -> bool:
        other = PixelFile(released, cells(shape=shape))
        return differ(source, other, mask, Path("unused"), blanked=[part])

    assert not is_refused(stored(1, 0, 0, 4, 0, 0), packed(1, 2, 4, 5))
    assert is_refused(stored(1, 2, 3, 4, 0, 6), packed(4))
    assert is_refused(PLAIN, None)


def test_one_colour_of_a_pixel_that_differs_is_found() -> None:
    colour = {"shape": (1, 1, 2, 3), "allocated": 8, "stored": 8, "end": 6}
    source = PixelFile(b"abcdef", cells(**colour))
    other = PixelFile(b"abcdeg", cells(**colour))
    mask = np.packbits(np.array([True, False]))
    assert differ(source, other, None, Path("unused"))
    assert differ(source, other, mask, Path("unused"))
    recoloured = PixelFile(b"xyzdef", cells(**colour))
    assert not differ(source, recoloured, mask, Path("unused"))


def test_planes_of_colours_are_put_together() -> None:
    flat = np.arange(12, dtype="u1")
    interleaved = in_shape(flat, (1, 2, 2, 3), planar=False)
    planar = in_shape(flat, (1, 2, 2, 3), planar=True)
    assert interleaved[0, 0, 0].tolist() == [0, 1, 2]
    assert planar[0, 0, 0].tolist() == [0, 4, 8]
    assert planar.shape == (1, 2, 2, 3)


def test_planes_of_several_frames_stay_with_their_frame() -> None:
    flat = np.arange(12, dtype="u1")
    planar = in_shape(flat, (2, 1, 2, 3), planar=True)
    assert planar[1, 0].tolist() == [[6, 8, 10], [7, 9, 11]]


@pytest.mark.parametrize(
    ("value", "bits", "lowest", "expected"),
    [
        (0xFFFF, 12, 0, 0x0FFF),
        (0xFFFF, 16, 0, 0xFFFF),
        (0xFFF0, 12, 4, 0x0FFF),
        (0x0008, 1, 3, 1),
    ],
)
def test_bits_below_high_bit_are_used(value: int, bits: int, lowest: int, expected: int) -> None:
    values = np.array([value], "<u2")
    assert used_bits(values, bits, lowest).tolist() == [expected]


def test_signed_and_big_endian_values_become_unsigned_native_ones() -> None:
    signed = used_bits(np.array([-1], "<i2"), 12, 0)
    swapped = used_bits(np.array([0x0102], ">u2"), 16, 0)
    assert (signed.dtype, signed.tolist()) == (np.uint16, [0x0FFF])
    assert (swapped.dtype, swapped.tolist()) == (np.uint16, [0x0102])


@pytest.mark.parametrize(("end", "padding"), [(12, 0), (13, 1), (20, 8)])
def test_bytes_behind_the_values_are_counted(end: int, padding: int) -> None:
    assert cells(end=end).padding == padding


def test_single_bits_are_rounded_up_to_bytes() -> None:
    assert cells(allocated=1, shape=(1, 3, 3, 1), end=2).padding == 0
    assert not cells(allocated=1).is_plain


def compressed(syntax: str, **changes: Any) -> bytes:
    """The made-up MR image in a compressed transfer syntax."""
    header = mr_instance(**changes)
    as_file(header)
    header.compress(syntax)
    return as_file(header, syntax)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_compressed_values_equal_the_native_ones(tmp_path: Path, syntax: str) -> None:
    values = np.arange(64 * 64, dtype="<u2")
    image = {"Rows": 64, "Columns": 64, "PixelData": values.tobytes()}
    native = PixelFile(as_file(mr_instance(**image)), None)
    other = PixelFile(compressed(syntax, **image), None)
    assert not differ(native, other, None, tmp_path)
    assert list(tmp_path.iterdir()) == []

    values[9] += 1
    changed = mr_instance(**image | {"PixelData": values.tobytes()})
    assert differ(PixelFile(as_file(changed), None), other, None, tmp_path)


def test_inverted_images_are_compared_by_stored_values(tmp_path: Path) -> None:
    native = PixelFile(as_file(mr_instance(PhotometricInterpretation="MONOCHROME1")), None)
    other = PixelFile(compressed(RLELossless, PhotometricInterpretation="MONOCHROME1"), None)
    assert not differ(native, other, None, tmp_path)


def test_rescale_does_not_change_stored_values(tmp_path: Path) -> None:
    rescaled = compressed(RLELossless, RescaleSlope="3", RescaleIntercept="-1024")
    values = decoded_values(rescaled, tmp_path)
    assert values[0, 0].ravel().tolist() == list(range(8))


def test_native_values_are_read_in_the_shape_of_the_header(tmp_path: Path) -> None:
    values = decoded_values(as_file(mr_instance(), ExplicitVRLittleEndian), tmp_path)
    assert values.shape == (1, 8, 8, 1)
    assert values.dtype == np.uint16


def test_a_missing_decoder_is_an_error_and_no_equality(tmp_path: Path) -> None:
    content = as_file(mr_instance(PixelData=None), JPEGLSLossless)
    with pytest.raises((AttributeError, KeyError, RuntimeError)):
        decoded_values(content, tmp_path)


def refaced(values: np.ndarray, kept: int) -> bool:
    """Whether a removed plane of an average face differs that still shows so many source values."""
    before = np.arange(1000, 1000 + values.size)
    after = np.where(np.arange(values.size) < kept, before, values)
    shape = (1, 10, values.size // 10, 1)
    file = {"shape": shape, "end": 2 * values.size}
    return differ(
        PixelFile(stored(*before), cells(**file)),
        PixelFile(stored(*after), cells(**file)),
        np.packbits(np.ones(values.size, bool)),
        Path("unused"),
        refaced=True,
    )


def test_an_average_face_is_not_blank_and_not_the_source() -> None:
    average = np.arange(300) % 90
    assert not refaced(average, kept=0)
    assert not refaced(average, kept=30)
    assert refaced(average, kept=120)
    assert refaced(average, kept=300)
