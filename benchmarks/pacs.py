"""5,000 instances to Orthanc and back, with three kills each way: the same bytes, nothing twice.

    PYTHONPATH=. .venv/bin/python benchmarks/pacs.py [INSTANCES] [get|move|web]

Each way our process is killed twice and the archive once, in the middle of a transfer. Data sets
are compared by their hashes; file meta information is each program's own. How often the archive
stored an instance is what it says itself. Without kills the sending is compared with DCMTK's
storescu: CPU and wall time as ratios.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measure import Cost, cost

from deidflow.release.layout import Layout
from tests.pacs.archive import TITLE, Orthanc, digests, study
from tests.pacs.conftest import Site
from tests.pacs.released import release_of

DEIDFLOW = Path(sys.executable).with_name("deidflow")
PER_STUDY = 100
KILLS = (0.2, 0.5, 0.8)
"""Parts of the transfer after which something is killed: we, the archive, we again."""


def killed_transfer(
    command: list[object], archive: Orthanc, progress: Callable[[], int], total: int
) -> None:
    """Run a command until all has come, with the three kills."""
    kill_us, kill_archive, kill_us_again = (int(part * total) for part in KILLS)
    for at in (kill_us, kill_us_again):
        process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL)
        if at == kill_us_again:
            wait_for(
                progress,
                kill_archive,
                process,
            )
            archive.kill()
            archive.start()
        wait_for(progress, at, process)
        process.send_signal(signal.SIGKILL)
        process.wait()
        print(f"  killed at {progress()} of {total}", flush=True)

    code = subprocess.run(
        list(map(str, command)), stdout=subprocess.DEVNULL, check=False
    ).returncode
    print(f"  the last call ended with exit code {code}")


def wait_for(progress: Callable[[], int], count: int, process: subprocess.Popen[bytes]) -> None:
    """Wait for so many instances; ends the benchmark where the command ended before."""
    while progress() < count:
        if process.poll() is not None:
            raise SystemExit(f"the command ended early, with exit code {process.returncode}")
        time.sleep(0.2)


def instances_below(*folders: Path) -> int:
    """How many files of instances there are."""
    return sum(len(list(folder.rglob("*.dcm"))) for folder in folders)


def prepared(root: Path, archive: Orthanc, site: Site, total: int, by: str) -> list[bytes]:
    """A release of studies, its configuration and the list of its studies; the files."""
    peer = {"ae_title": TITLE, "host": "127.0.0.1", "port": archive.port}
    from_peer: dict[str, Any] = {"url": archive.url} if by == "web" else peer
    table = root / "studies.csv"
    numbers = range(1, total // PER_STUDY + 1)
    table.write_text("\n".join(["accession", *(f"ACC{number}" for number in numbers)]))
    fetch = {"peer": from_peer, "list": str(table), "by": "move" if by == "move" else "get"}
    receive = {"port": site.port, "allow": [TITLE]}
    retry = {"attempts": 10, "first_seconds": 1}
    site.write(
        send={"peer": peer},
        fetch=fetch,
        receive=receive,
        retry=retry,
    )

    subjects = {f"P{number:03d}": study(number, PER_STUDY) for number in numbers}
    release_of(
        Layout(
            root / "release",
            root / "vault",
            "default",
            "low",
        ),
        subjects,
    )
    return [content for files in subjects.values() for content in files]


def report(name: str, sent: list[str], came: list[str], stored: int) -> bool:
    """Print whether the same set came, each instance once."""
    good = sent == came and stored == len(sent)
    words = "the same set of bytes, nothing twice" if good else "DIFFERS"
    print(
        f"{name}: {len(came)} of {len(sent)} data sets, stored {stored} times: {words}", flush=True
    )
    return good


def compared(root: Path, site: Site, total: int) -> None:
    """CPU and wall time of sending all to a fresh archive, beside storescu."""
    storescu = shutil.which("storescu")
    if storescu is None:
        return
    costs: list[Cost] = []
    for name in ("ours", "theirs"):
        fresh = Orthanc(root / f"orthanc-{name}", site.port).start()
        peer = {"ae_title": TITLE, "host": "127.0.0.1", "port": fresh.port}
        site.write(send={"peer": peer})
        address = ["-aec", TITLE, "127.0.0.1", fresh.port]
        theirs = [storescu, "+sd", "+r", "+sp", "*.dcm", *address, root / "release"]
        ours = [DEIDFLOW, "send", "--config", site.config]
        costs.append(cost(ours if name == "ours" else theirs))
        assert len(fresh.instances()) == total
        fresh.kill()

    ours, theirs = costs
    print(
        f"sending {total}: {ours.cpu:.1f} CPU s, {ours.wall:.1f} s; of storescu: "
        f"{ours.cpu / theirs.cpu:.1f} times the CPU, {ours.wall / theirs.wall:.1f} times the time"
    )


def main() -> None:
    """Print what came of both ways; ends with 1 where anything differs."""
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    by = sys.argv[2] if len(sys.argv) > 2 else "get"
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        site = Site(root)
        archive = Orthanc(root / "orthanc", site.port).start()
        files = digests(
            prepared(
                root,
                archive,
                site,
                total,
                by,
            )
        )

        print("to the archive")
        command = [DEIDFLOW, "send", "--config", site.config]
        killed_transfer(
            command,
            archive,
            archive.stored,
            total,
        )
        good = report(
            "there",
            files,
            digests(archive.files()),
            archive.stored(),
        )

        print(f"back, by {by}")
        spool = root / ".source-spool.deidflow"
        came = lambda: instances_below(spool, site.source)  # noqa: E731
        killed_transfer(
            [DEIDFLOW, "fetch", "--config", site.config],
            archive,
            came,
            total,
        )
        good &= report(
            "back",
            files,
            digests(site.handed_on()),
            came(),
        )
        archive.kill()
        compared(root, site, total)
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
