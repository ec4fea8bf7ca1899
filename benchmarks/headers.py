"""CPU of de-identifying headers, beside `cp -r` and dicom-anonymizer; ratios of one session.

    .venv/bin/python benchmarks/headers.py [FOLDER]

The slope between a small and a large corpus counts, so that start-up is apart. FOLDER is where
corpora and outputs are made (by default a temporary one); 6 GB are needed. Bounds: at most 6 times
`cp -r`, at least 20 times faster than dicom-anonymizer 2.1.0 (10 times with a tenth of the files
deflated), at least 1.8 times the throughput of one worker on two cores.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
import tempfile
from pathlib import Path

from corpus import make_corpus
from measure import Cost, cost

SMALL, LARGE, PEER = 2_000, 20_000, 200
_BIN = Path(sys.executable).parent


def anonymized(source: Path, out: Path, workers: int) -> Cost:
    """The cost of our command."""
    shutil.rmtree(out, ignore_errors=True)
    return cost([_BIN / "deidflow", "anonymize", source, out, "--workers", workers])


def copied(source: Path, out: Path) -> Cost:
    """The cost of a copy."""
    shutil.rmtree(out, ignore_errors=True)
    return cost(["cp", "-r", source, out])


def slope(small: Cost, large: Cost) -> float:
    """Microseconds of CPU for one file more."""
    return (large.cpu - small.cpu) / (LARGE - SMALL) * 1e6


def peer(root: Path) -> float | None:
    """Microseconds of CPU a file of dicom-anonymizer, where it is installed."""
    if importlib.util.find_spec("dicomanonymizer") is None:
        return None

    costs = []
    for count in (PEER, 3 * PEER):
        corpus = root / f"peer{count}"
        flat = root / f"flat{count}"
        out = root / f"peer{count}.out"
        make_corpus(corpus, count)
        flat.mkdir()
        out.mkdir()

        paths = sorted(corpus.rglob("IM*"))
        for number, path in enumerate(paths):
            shutil.copyfile(path, flat / f"{number:05d}.dcm")
        command = [_BIN / "dicom-anonymizer", flat, out]
        costs.append(cost(command))

    few, many = costs
    seconds = many.cpu - few.cpu
    return seconds / (2 * PEER) * 1e6


def measure(root: Path) -> None:
    """Make corpora, time, print."""
    out = root / "out"
    for name, share in (("plain", 0.0), ("deflated", 0.1)):
        for count in (SMALL, LARGE):
            make_corpus(
                root / name / str(count),
                count,
                deflated=share,
            )
    copy = slope(*(copied(root / "plain" / str(count), out) for count in (SMALL, LARGE)))
    one = [
        anonymized(
            root / "plain" / str(count),
            out,
            1,
        )
        for count in (SMALL, LARGE)
    ]
    two = anonymized(
        root / "plain" / str(LARGE),
        out,
        2,
    )

    packed = slope(
        *(
            anonymized(
                root / "deflated" / str(count),
                out,
                1,
            )
            for count in (SMALL, LARGE)
        )
    )
    ours, theirs = slope(*one), peer(root)
    print(
        f"cp -r {copy:.0f}, deidflow {ours:.0f}, a tenth deflated {packed:.0f} microseconds of CPU a file"
    )
    print(f"deidflow / cp = {ours / copy:.2f} (bound 6)")
    if theirs is None:
        print("dicom-anonymizer is not installed: not compared")
    else:
        print(f"dicom-anonymizer {theirs:.0f}: {theirs / ours:.1f} times ours (bound 20), "
              f"{theirs / packed:.1f} with a tenth deflated (bound 10)")  # fmt: skip
    print(f"two workers: {one[1].wall / two.wall:.2f} times the throughput of one (bound 1.8)")
    print(
        f"peak of the largest process: {one[0].peak:.0f} MiB for {SMALL} files, {one[1].peak:.0f} for {LARGE}"
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as made:
            measure(Path(made))
