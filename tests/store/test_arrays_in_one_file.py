"""Arrays come out of a .npz file as they went in, and damage is noticed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deidflow.store.arrays import read_arrays

ARRAYS = {
    "plain": np.arange(60, dtype=np.float32).reshape(3, 4, 5),
    "fortran": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "number": np.array(7),
    "empty": np.zeros((0, 3), np.uint8),
    "flags": np.array([True, False]),
}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_are_what_numpy_reads(tmp_path: Path, save: object) -> None:
    path = tmp_path / "arrays.npz"
    save(path, **ARRAYS)  # type: ignore[operator]
    read = read_arrays(path)
    assert list(read) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert read[name].dtype == array.dtype
        assert np.array_equal(read[name], array)
    assert list(read_arrays(path, ["flags"])) == ["flags"]
    with pytest.raises(KeyError):
        read_arrays(path, ["other"])


def test_a_damaged_array_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "arrays.npz"
    np.savez_compressed(path, noise=np.random.default_rng(1).integers(0, 255, 4000, np.uint8))
    content = bytearray(path.read_bytes())
    content[2000] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged"):
        read_arrays(path)
