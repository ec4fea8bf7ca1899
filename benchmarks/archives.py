"""Peak memory of a command on an archive: VmHWM of each of its processes.

    PYTHONPATH=. .venv/bin/python benchmarks/archives.py FOLDER [--gib 2] [--only plan anonymize run]

In FOLDER, which needs four times as much room, a zip, a tar and a tar.gz file are made of DICOM
slices with noise, and each is given to each command. The bound is 2 GiB for any process, and for all
that are alive at once.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from tests.places import write_secret
from tests.synthetic import as_file, mr_instance

ROWS = 512
PER_SERIES = 160
KINDS = ("zip", "tar", "tar.gz")
MIB = 1 << 10
"""KiB in a MiB."""


@dataclass
class Peaks:
    """MiB: of each process its peak, and the most that all held at once (PSS)."""

    by_process: dict[int, float] = field(default_factory=dict)
    together: float = 0.0


def slices(count: int) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of slices: 12 bits of noise that repeats, one patient for two series."""
    chance = random.Random(1)
    for number in range(count):
        series = number // PER_SERIES
        noise = chance.getrandbits(12 * 64 * ROWS).to_bytes(96 * ROWS, "little")
        pixels = bytes(byte & 0x0F if place % 2 else byte for place, byte in enumerate(noise))
        pixels = (pixels * 11)[: 2 * ROWS * ROWS]

        instance = mr_instance(
            PatientID=f"QX-{series // 2:04d}",
            PatientName=f"Quastel{series // 2:04d}^Otto",
            StudyInstanceUID=f"1.2.3.{series // 2}",
            SeriesInstanceUID=f"1.2.3.{series // 2}.{series}",
            SOPInstanceUID=f"1.2.3.{series // 2}.{series}.{number}",
            InstanceNumber=number % PER_SERIES + 1,
            ImagePositionPatient=[0, 0, number % PER_SERIES],
            Rows=ROWS,
            Columns=ROWS,
            PixelData=pixels,
        )
        yield f"{series}/{number}", as_file(instance)


def make(folder: Path, kind: str, count: int) -> Path:
    """A source that holds one archive."""
    source = folder / f"source-{kind}"
    if source.exists():
        return source
    source.mkdir(parents=True)
    path = source / f"scans.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(
            path,
            "w",
            zipfile.ZIP_DEFLATED,
            compresslevel=1,
        ) as archive:
            for name, content in slices(count):
                archive.writestr(name, content)
        return source

    mode = "w:gz" if kind == "tar.gz" else "w"
    options = {"compresslevel": 1} if kind == "tar.gz" else {}
    with tarfile.open(
        path,
        mode,
        **options,
    ) as tar:
        for name, content in slices(count):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, BytesIO(content))
    return source


def peaks_of(command: list[object]) -> tuple[Peaks, int]:
    """Run a command in a session of its own, and look at its processes."""
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )

    peaks = Peaks()
    while process.poll() is None:
        alive = _descendants(process.pid)
        for pid in alive:
            peak = _field(pid, "status", "VmHWM")
            peaks.by_process[pid] = max(peak, peaks.by_process.get(pid, 0.0))
        peaks.together = max(
            peaks.together,
            sum(
                _field(
                    pid,
                    "smaps_rollup",
                    "Pss",
                )
                for pid in alive
            ),
        )
        time.sleep(0.3)
    return peaks, process.returncode


def _descendants(root: int) -> list[int]:
    found = [root]
    for pid in found:
        try:
            for task in Path(f"/proc/{pid}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        except OSError:
            continue
    return found


def _field(pid: int, file: str, key: str) -> float:
    try:
        for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
            if line.startswith(f"{key}:"):
                return int(line.split()[1]) / MIB
    except OSError:
        pass
    return 0.0


def command_of(name: str, folder: Path, source: Path) -> list[object]:
    """A command on a source, with places that are not there yet."""
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    program = [Path(sys.executable).with_name("deidflow"), name, source]
    if name == "plan":
        return program
    write_secret(work / "vault")
    return [*program, work / "out", "--vault", work / "vault", "--level", "low"]


def main() -> None:
    """Print a line for each command and archive."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--gib",
        type=float,
        default=2.0,
    )
    parser.add_argument(
        "--only",
        nargs="+",
        default=["plan", "anonymize", "run"],
    )
    parser.add_argument(
        "--kinds",
        nargs="+",
        default=list(KINDS),
    )

    options = parser.parse_args()
    os.environ["TMPDIR"] = str(options.folder)
    count = int(options.gib * (1 << 30) / (2 * ROWS * ROWS))
    for kind in options.kinds:
        source = make(options.folder, kind, count)
        for name in options.only:
            peaks, code = peaks_of(
                command_of(
                    name,
                    options.folder,
                    source,
                )
            )
            largest = max(peaks.by_process.values())
            print(
                f"{name:9} {kind:6} exit {code}, {len(peaks.by_process)} processes, "
                f"largest {largest:.0f} MiB, all at once {peaks.together:.0f} MiB",
                flush=True,
            )


if __name__ == "__main__":
    main()
