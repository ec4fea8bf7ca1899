"""What single images are called."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deidflow.bids.guesses import guessed_name, reproin_name
from deidflow.bids.names import Facts, Grid
from deidflow.bids.naming import name_of
from deidflow.bids.rules import load_rules

PLAIN = Facts("MR", "", "", ("ORIGINAL", "PRIMARY", "M"), "", 1, False)
RULES = load_rules(None)


def called(**facts: object) -> str:
    """Data type and name of an image with these facts; empty for one without."""
    name = name_of(replace(PLAIN, **facts), (), RULES)  # type: ignore[arg-type]
    return f"{name.datatype}/{name.stem('1', '1').removeprefix('sub-1_ses-1_')}" if name else ""


@pytest.mark.parametrize(
    ("text", "volumes", "name"),
    [
        ("ADNI MPRAGE", 1, "anat/T1w"),
        ("t1 gre 3d sag", 1, "anat/T1w"),
        ("SAG IR SPGR", 1, "anat/T1w"),
        ("T2 TSE tra", 1, "anat/T2w"),
        ("t2 flair", 1, "anat/FLAIR"),
        ("SWI", 1, "anat/T2starw"),
        ("TOF 3D", 1, "anat/angio"),
        ("rs fMRI", 200, "func/task-rest_bold"),
        ("Axial EPI FMRI", 200, "func/task-unknown_bold"),
        ("localizer", 1, ""),
        ("knee", 1, ""),
    ],
)
def test_descriptions_say_what_an_image_is(text: str, volumes: int, name: str) -> None:
    assert called(text=text, volumes=volumes) == name


def test_derived_maps_have_no_name() -> None:
    assert called(text="DTI FA", image_type=("DERIVED", "PRIMARY", "DIFFUSION", "FA")) == ""


def test_gradients_make_a_diffusion_image() -> None:
    assert called(text="anything", has_gradients=True, volumes=65) == "dwi/dwi"


def test_the_direction_of_an_epi_field_map_is_named() -> None:
    facts = {
        "text": "EPI PE AP",
        "sequence": "epfid2d1_72",
        "direction": "j-",
        "grid": Grid(axes="LAS"),
    }

    assert called(**facts) == "fmap/dir-AP_epi"


def test_dcm2niix_guesses_without_its_run() -> None:
    name = guessed_name(["func", "_acq-epfid2_dir-AP_run-7_bold"])

    assert name is not None
    assert name.entities == {"dir": "AP"}
    assert guessed_name(["anat", "_nonsense"]) is None
    assert guessed_name(["discard", "_localizer"]) is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("func_task-rest_run-01", "func/task-rest_bold"),
        ("anat-T1w_acq-mprage", "anat/acq-mprage_T1w"),
        ("fmap_dir-AP", "fmap/dir-AP_epi"),
        ("dwi_dir-PA", "dwi/dir-PA_dwi"),
    ],
)
def test_reproin_names_are_read(text: str, name: str) -> None:
    found = reproin_name(replace(PLAIN, text=text))

    assert found is not None
    assert f"{found.datatype}/{found.stem('1', '1').removeprefix('sub-1_ses-1_')}" == name


def test_ordinary_words_are_no_reproin_names() -> None:
    assert reproin_name(replace(PLAIN, text="func bold task")) is None
    assert reproin_name(replace(PLAIN, text="anatomy-x")) is None
