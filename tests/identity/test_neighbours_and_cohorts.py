"""What checks know of everybody else, who is in a source, and what cleans a subject's headers."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from deidflow.checks.tokens import Token
from deidflow.dicom.grouping import Subject
from deidflow.errors import UsageError
from deidflow.header.load_profile import load_profile
from deidflow.identity.cleaner import scrubber_for
from deidflow.identity.cohort import group_by, order_options, refuse_mixed_folders
from deidflow.identity.neighbours import Neighbours, neighbour_of, write_neighbours
from deidflow.identity.orders import OrderOptions
from deidflow.identity.vault import Identity
from deidflow.identity.workorder import SessionOrder, WorkOrder
from deidflow.settings.run import CommonSettings
from tests.headers import inventory
from tests.identity.conftest import instance, series, study, study_of, subject
from tests.synthetic import save_series

KEY = b"a key of the vault"
SOURCE = Path("/source")
NAME = Token("name", "adelheid zimmerquast")
UID = Token("uid", "1.2.3.4.5.1.1.1")
KINDS = ("name", "staff", "id", "number")


def subjects() -> tuple[Subject, ...]:
    two_series = study(
        series(instance(), instance(SOPInstanceUID="1.2.3.4.5.1.1.2")),
        series(instance(SeriesInstanceUID="1.2.3.4.5.2", PatientID="44719982")),
    )
    other = study_of(PatientName="Doe^Jane", PatientID="X-99", StudyInstanceUID="1.9")
    return subject(two_series), subject(other, key="id||X-99")


IDENTITIES = {
    "id||PID-77120": Identity("P002", -1, {}),
    "id||X-99": Identity("P001", -1, {}),
}


def written(
    folder: Path, group: tuple[Subject, ...] | None = None, *, with_uids: bool = True
) -> Neighbours:
    everybody = subjects() if group is None else group
    neighbours = [neighbour_of(one, KEY, with_uids=with_uids) for one in everybody]
    write_neighbours(neighbours, IDENTITIES, SOURCE, folder, KEY)
    return Neighbours(folder, KEY)


def test_everybody_is_found_by_names_numbers_and_uids(tmp_path: Path) -> None:
    index = written(tmp_path / "n").cohort(KINDS, with_uids=True)
    number = Token("number", "44719982")
    assert index.matches([NAME, number, UID]) == [NAME, number, UID]
    assert index.matches([Token("name", "jane zimmerquast")]) == []


def test_only_kinds_that_a_profile_removes_are_looked_up(tmp_path: Path) -> None:
    neighbours = written(tmp_path / "n")
    assert neighbours.cohort(("id",), with_uids=False).matches([NAME, UID]) == []
    assert neighbours.cohort(("name", "unknown"), with_uids=False).matches([NAME]) == [NAME]


def test_uids_are_left_out_on_request(tmp_path: Path) -> None:
    neighbours = written(tmp_path / "n", with_uids=False)
    assert neighbours.cohort(KINDS, with_uids=True).matches([UID]) == []


def test_dates_are_nobodys_and_have_no_index(tmp_path: Path) -> None:
    written(tmp_path / "n")
    names = {path.stem for path in (tmp_path / "n").glob("*.npy")}
    assert "name" in names
    assert not names & {"birth", "date"}


def test_the_index_of_an_earlier_run_goes(tmp_path: Path) -> None:
    folder = tmp_path / "n"
    written(folder)
    written(folder, (), with_uids=False)
    assert [path.name for path in folder.iterdir()] == ["files.json"]


def test_others_are_shown_by_one_file_of_each_series(tmp_path: Path) -> None:
    neighbours = written(tmp_path / "n")
    first = SOURCE / "folder" / "0.dcm"
    assert neighbours.files_of_others("P001") == [[first, first]]
    assert neighbours.files_of_others("P002") == [[first]]
    assert neighbours.files_of_others("P003") == [[first], [first, first]]


def test_without_a_table_there_are_no_others(tmp_path: Path) -> None:
    neighbours = Neighbours(tmp_path, KEY)
    assert neighbours.files_of_others("P001") == []
    assert neighbours.cohort(KINDS, with_uids=True).matches([NAME]) == []


def test_what_is_written_is_private(tmp_path: Path) -> None:
    written(tmp_path / "n")
    paths = [tmp_path / "n", *(tmp_path / "n").iterdir()]
    assert all(path.stat().st_mode & 0o077 == 0 for path in paths)


def test_folders_of_one_patient_are_no_problem(tmp_path: Path) -> None:
    refuse_mixed_folders((), tmp_path)
    refuse_mixed_folders((), None)
    assert list(tmp_path.iterdir()) == []


def test_mixed_folders_are_counted_and_named_in_the_vault(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"2 folders .*\(the vault's mixed_folders\.txt names them"
    ):
        refuse_mixed_folders(("Zimmerquast", "\udcfc"), tmp_path)
    assert (tmp_path / "mixed_folders.txt").read_bytes() == b"Zimmerquast\n\xfc\n"


def test_without_a_vault_mixed_folders_are_not_named() -> None:
    with pytest.raises(UsageError, match="give a vault to have them named") as error:
        refuse_mixed_folders(("Zimmerquast",), None)
    assert "Zimmerquast" not in str(error.value)


def test_the_list_of_an_earlier_run_goes(tmp_path: Path) -> None:
    (tmp_path / "mixed_folders.txt").write_text("Zimmerquast\n")
    refuse_mixed_folders((), tmp_path)
    assert not (tmp_path / "mixed_folders.txt").exists()


def test_an_inventory_is_grouped_as_the_settings_ask(tmp_path: Path) -> None:
    save_series(tmp_path / "a", count=1)
    save_series(tmp_path / "b", count=1, StudyInstanceUID="1.9", SeriesInstanceUID="1.9.1")
    entries = inventory(tmp_path)
    one_each = CommonSettings.model_validate({"ids": {"discovery": "one_per_study"}})

    together = group_by(entries, CommonSettings(), defacing=False)
    apart = group_by(entries, one_each, defacing=False)
    assert (len(together.subjects), len(apart.subjects)) == (1, 2)


def test_orders_take_roots_and_words_from_settings_and_events_from_the_profile() -> None:
    settings = CommonSettings.model_validate(
        {"header": {"uid_root": "1.2.3", "vocabulary": ["knee"]}}
    )
    profile = load_profile("high")
    dates = profile.dates.model_copy(update={"since": "first-study"})
    counted = profile.model_copy(update={"dates": dates})
    assert order_options(settings, counted) == OrderOptions("1.2.3", ("knee",), "first-study")


def order() -> WorkOrder:
    session = SessionOrder("M00", datetime(2022, 5, 10, 23, 50).isoformat(), ())
    return WorkOrder(
        pseudonym="P001",
        source="/source",
        uid_key="ab",
        shift_days=-7,
        identifiers=(("name", "Zimmerquast^Jo"), ("text", "Ypsilanti Clinic")),
        sessions=(session,),
    )


def test_texts_lose_the_identifiers_that_the_profile_searches() -> None:
    profile = load_profile("high")
    only_names = profile.model_copy(update={"search": ("name",)})
    nothing = profile.model_copy(update={"search": ()})
    assert scrubber_for(order(), only_names).finds("for Zimmerquast")
    assert not scrubber_for(order(), only_names).finds("Ypsilanti Clinic")
    assert not scrubber_for(order(), nothing).finds("for Zimmerquast")


def test_an_order_without_identifiers_cuts_nothing() -> None:
    anonymous = replace(order(), identifiers=())
    assert not scrubber_for(anonymous, load_profile("high")).finds("for Zimmerquast")
