"""Can a face still be recognised after defacing? Judged by software that is not ours.

    python benchmarks/recognition.py --pairs DIR [--copies 3] [--controls] [--brain]

Needs the extra `faces` (pip install 'deidflow[faces]').

--pairs: a folder with NAME_before.nii.gz and NAME_after.nii.gz for each head, on one grid. Several
methods are compared by NAME_after-METHOD.nii.gz; each gets its row. NAME must be one person's.
--copies: made-up people per head (bent and stretched copies with their own noise) in the gallery.
--controls: the same rates for two other probes (`Control` in deidflow/recognition/cohort.py): the
originals seen from behind, which is the outline of a head without its face; and the defaced heads
with what was changed set to air, which is what somebody sees who has the mask.
--brain: SynthStrip's brain of each original too, about a minute of CPU per head.

From Python, over arrays (x, y, z) with affines from index to RAS mm:

    from deidflow.recognition.cohort import HeadPair
    from deidflow.recognition.study import Judges, judge_pair, recognition
    from deidflow.recognition.volumes import HeadVolume

    judges = Judges()
    results = [judge_pair(HeadPair(name, HeadVolume(before, affine), HeadVolume(after, affine)),
                          judges, copies=3) for name, before, after, affine in heads]
    rates = recognition([person for result in results for person in result.people])

How to read the table: the gallery holds every original from three yaws; a probe is a defaced head,
with the crop of its original forced on it. rank-1 counts the probes that are most like their own
person; AUC is the chance that a probe is more like its own person than like another one (0.5 is
chance). `luck` is what 95 of 100 random assignments of probes to people stay below: a figure at or
below it is chance; `p` is the share of these assignments that do as well or better. In brackets the
95 % interval of the AUC over people (jackknife). `before` are the originals at other yaws: unless that is high, the test says
nothing. Views with a detection stand beside those of backs of heads. `no face` are ml of changed
tissue deeper than 20 mm, below the chin or above the brow.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

from deidflow.recognition.cohort import Control, HeadPair
from deidflow.recognition.detectors import Detector
from deidflow.recognition.matching import MatchResult
from deidflow.recognition.study import (
    Judges,
    PairResult,
    Person,
    judge_pair,
    people_of,
    recognition,
)
from deidflow.recognition.volumes import read_volume

Head = tuple[str, Path, Path]
"""Name, original and defaced image."""
_AFTER = re.compile(r"(?P<name>.+)_after(?:-(?P<method>.+))?\.nii(?:\.gz)?")


def methods_in(folder: Path) -> dict[str, list[Head]]:
    """The heads of each method."""
    methods: dict[str, list[Head]] = {}
    for path in sorted(folder.iterdir()):
        match = _AFTER.fullmatch(path.name)
        if match is None:
            continue
        name = match["name"]
        before = next(folder.glob(f"{name}_before.nii*"), None)
        if before is None:
            print(f"{path.name}: no {name}_before.nii.gz beside it; left out")
            continue
        methods.setdefault(match["method"] or "after", []).append((name, before, path))
    return methods


def judged(
    heads: list[Head], judges: Judges, copies: int, with_brain: bool
) -> Iterator[PairResult]:
    """Judge each head of one method."""
    for pair in pairs_of(heads):
        yield judge_pair(
            pair,
            judges,
            copies=copies,
            with_brain=with_brain,
        )


def pairs_of(heads: list[Head]) -> Iterator[HeadPair]:
    """Read the heads of one method."""
    for name, before, after in heads:
        yield HeadPair(name, read_volume(before), read_volume(after))


def print_controls(method: str, heads: list[Head], judges: Judges, copies: int) -> None:
    """A line per recogniser and control."""
    for control in Control:
        people: list[Person] = []
        for pair in pairs_of(heads):
            people += people_of(pair, judges, copies=copies, control=control)
        for rates in recognition(people):
            name = f"{method} {rates.recogniser.value} {control.value}"
            print(match_line(name, rates.after), flush=True)


def head_line(result: PairResult) -> str:
    """What was taken of one head, and where faces are seen."""
    tissue = result.tissue
    no_face = "   -" if tissue.no_face_ml is None else f"{tissue.no_face_ml:4.0f}"
    parts = [
        f"{result.name:28}",
        f"{tissue.changed_ml:5.0f} ml {tissue.share:6.1%}",
        f"no face {no_face} ml",
        f"views {views(result)}",
        "" if result.people else "no face found before: not in the gallery",
    ]
    if result.brain is not None:
        nearest = result.brain.nearest_mm
        distance = "-" if nearest is None else f"{nearest:.1f} mm"
        parts.append(f"brain {result.brain.changed_voxels} voxels, nearest {distance}")
    return "  ".join(parts)


def views(result: PairResult) -> str:
    """Views with a detection before, after and on the back."""
    words = []
    for detector in Detector:
        before = result.before.front[detector]
        after = result.after.front[detector]
        back = result.after.back[detector]
        words.append(f"{detector.value} {before}>{after} back {back}")
    return f"({', '.join(words)} of {result.after.front_views})"


def match_line(condition: str, match: MatchResult) -> str:
    """One line of rates."""
    lowest, highest = match.auc_interval
    return (
        f"{condition:24} rank-1 {match.rank1:3} of {match.probes} "
        f"(chance {match.rank1_by_chance:.1f}, luck {match.rank1_by_luck:.0f}, "
        f"p {match.rank1_p:.3f})  "
        f"AUC {match.auc:.2f} ({lowest:.2f} to {highest:.2f}; chance 0.50, "
        f"luck {match.auc_by_luck:.2f}, p {match.auc_p:.3f})  "
        f"cosine own {match.genuine:.2f} others {match.impostor:.2f}"
    )


def print_method(method: str, results: list[PairResult]) -> None:
    """The table of one method."""
    people = [person for result in results for person in result.people]
    for rates in recognition(people):
        name = f"{method} {rates.recogniser.value}"
        print(match_line(f"{name} before", rates.before))
        print(match_line(f"{name}", rates.after))
    if not recognition(people):
        print(f"{method}: too few people for rates ({len(people)}); add heads or --copies")

    changed = sorted(result.tissue.changed_ml for result in results)
    shares = sorted(result.tissue.share for result in results)
    no_face = [r.tissue.no_face_ml for r in results if r.tissue.no_face_ml is not None]
    print(
        f"{method}: {changed[0]:.0f} to {changed[-1]:.0f} ml removed "
        f"({shares[0]:.1%} to {shares[-1]:.1%} of the head); "
        f"no face {min(no_face, default=0):.0f} to {max(no_face, default=0):.0f} ml"
    )


def main() -> None:
    """Print a line per head and the rates of each method."""
    parser = argparse.ArgumentParser(description="Recognition of defaced heads")
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--copies", type=int, default=3)
    parser.add_argument("--controls", action="store_true")
    parser.add_argument("--brain", action="store_true")
    arguments = parser.parse_args()
    judges = Judges()
    for method, heads in methods_in(arguments.pairs).items():
        print(f"{method}: {len(heads)} heads")
        results = []
        for result in judged(heads, judges, arguments.copies, arguments.brain):
            print(head_line(result), flush=True)
            results.append(result)
        print_method(method, results)
        if arguments.controls:
            print_controls(method, heads, judges, arguments.copies)
        print()


if __name__ == "__main__":
    main()
