"""The search for leaks at the size of a hospital: what it holds back without cause, and what it
costs.

Patients with names by their frequency in the US census of 1990, numbers of 1 to 8 digits and
operators' initials are put into real headers, which are de-identified and searched for everybody.
Nothing was planted: each finding is a false alarm. Prints the share of sessions that would be held,
and the CPU seconds a search costs with 10 and with many patients.

    python benchmarks/cohort.py FOLDER_WITH_DICOM [--patients 5000] [--sessions 500]
"""

from __future__ import annotations

import argparse
import io
import random
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import names
import pydicom

import deidflow.store.preload  # noqa: F401  the settings of pydicom that children have
from deidflow.checks.cohort import CohortIndex
from deidflow.checks.dicom_file import open_file
from deidflow.checks.leaks import LeakSearch
from deidflow.checks.ours import Ours
from deidflow.checks.own import OwnIdentifiers
from deidflow.checks.shared import SharedValues
from deidflow.dicom.attributes import nested_identifiers, wanted_tags
from deidflow.dicom.instance import describe
from deidflow.dicom.structure import scan
from deidflow.errors import Withheld
from deidflow.header.cleaner import HeaderCleaner
from deidflow.header.clock import StudyClock
from deidflow.header.context import HeaderContext
from deidflow.header.load_profile import load_profile
from deidflow.header.markers import markers
from deidflow.header.rules import compile_profile
from deidflow.header.text import Scrubber
from deidflow.header.uids import UidMap

KEY = b"k" * 32
Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class Patient:
    """A made-up patient."""

    name: str
    number: str
    operator: str
    physician: str

    @property
    def identifiers(self) -> Pairs:
        """What the search looks for."""
        return [
            ("name", self.name),
            ("id", self.number),
            ("staff", self.operator),
            ("staff", self.physician),
        ]


def make_patients(count: int, seed: int) -> list[Patient]:
    """Patients by the census."""
    random.seed(seed)
    return [_patient() for _ in range(count)]


def _patient() -> Patient:
    initials = "".join(random.choices("ABCDEFGHJKLMNPRSTW", k=random.choice((2, 3))))
    digits = random.randint(1, 8)
    return Patient(
        f"{names.get_last_name()}^{names.get_first_name()}",
        str(random.randrange(10 ** (digits - 1), 10**digits)),
        initials,
        f"{names.get_last_name()}^{names.get_first_name()}",
    )


def headers_below(folder: Path) -> list[tuple[Path, bytes]]:
    """One readable image of each folder."""
    found: dict[Path, tuple[Path, bytes]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.parent not in found:
            content = path.read_bytes()
            if content[128:132] == b"DICM" and _is_image(content):
                found[path.parent] = path, content
    return list(found.values())


def _is_image(content: bytes) -> bool:
    try:
        instance = describe(scan(memoryview(content), wanted_tags()))
    except Withheld:
        return False
    return instance.modality in ("MR", "CT", "PT") and instance.pixel_length is not None


def with_patient(content: bytes, patient: Patient) -> bytes:
    """The header with another patient."""
    header = pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True)
    header.PatientName, header.PatientID = patient.name, patient.number
    header.OperatorsName, header.ReferringPhysicianName = patient.operator, patient.physician
    header.AccessionNumber = patient.number[::-1]
    stream = io.BytesIO()
    header.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def released(content: bytes, level: str) -> tuple[bytes, Pairs]:
    """The header as it is released, and what identifies in its source."""
    instance = describe(
        scan(
            memoryview(content),
            wanted_tags(),
            nested=nested_identifiers(),
        )
    )
    profile = load_profile(level)
    context = HeaderContext(
        pseudonym="P001",
        uids=UidMap(KEY),
        shift_days=-100,
        clock=StudyClock.parse("2020-01-02T03:04:05"),
        scrubber=Scrubber.of(instance.identifiers),
        binned=profile.binned,
        hash_key=KEY,
        label="M00",
        overlay_bits_cleared=True,
    )

    marks = {}
    for way in (True, False):
        marks[way] = markers(
            profile,
            "M00",
            None,
            explicit=way,
        )
    cleaner = HeaderCleaner(
        compile_profile(profile),
        context,
        marks,
        explicit_out=True,
    )
    return b"".join(bytes(chunk) for chunk in cleaner.header(content)), list(instance.identifiers)


def search_one(
    content: bytes, own: Pairs, cohort: CohortIndex, others: list[list[Path]]
) -> Counter[Any]:
    """Findings in one header."""
    search = LeakSearch(
        OwnIdentifiers.of(own),
        Ours(frozenset(("P001", "M00"))),
        cohort,
        frozenset(),
        SharedValues(others),
    )
    return Counter(
        hit for element in open_file(content).elements() for hit in search.element(element)
    )


def main() -> None:
    """Print false alarms and cost."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--patients",
        type=int,
        default=5_000,
    )
    parser.add_argument(
        "--sessions",
        type=int,
        default=500,
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=1,
    )
    options = parser.parse_args()

    sources = headers_below(options.folder)
    patients = make_patients(options.patients, options.seed)
    few = CohortIndex.of(
        [pair for patient in patients[:10] for pair in patient.identifiers], (), KEY
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "people.npy")
        CohortIndex.of(
            [pair for patient in patients for pair in patient.identifiers], (), KEY
        ).save(path)
        many = CohortIndex.open([path], KEY)
        for level in ("low", "high"):
            _measure(
                level,
                sources,
                patients[: options.sessions],
                few,
                many,
            )


def _measure(
    level: str,
    sources: list[tuple[Path, bytes]],
    patients: list[Patient],
    few: CohortIndex,
    many: CohortIndex,
) -> None:
    held: Counter[Any] = Counter()
    sessions = 0
    seconds = {"few": 0.0, "many": 0.0}
    others = [[path] for path, _ in sources for _ in range(2)]
    for number, patient in enumerate(patients):
        _, content = sources[number % len(sources)]
        clean, own = released(with_patient(content, patient), level)
        for name, cohort in (("few", few), ("many", many)):
            start = time.process_time()
            findings = search_one(
                clean,
                own,
                cohort,
                others,
            )
            seconds[name] += time.process_time() - start
        sessions += bool(findings)
        held.update(set(findings))

    count = len(patients)
    print(f"{level}: {sessions} of {count} clean sessions held")
    for hit, times in held.most_common(10):
        print(f"    {times} x {hit.attribute} ({hit.whose}, {hit.kind})")
    print(
        f"    CPU s a session: {seconds['few'] / count:.4f} with 10 patients, "
        f"{seconds['many'] / count:.4f} with {len(many.arrays[0])} hashes"
    )


if __name__ == "__main__":
    main()
