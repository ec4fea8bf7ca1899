"""What the judges of faces saw, as tables and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from deidflow.recognition.detectors import Detector
    from deidflow.recognition.matching import MatchResult
    from deidflow.recognition.study import PairResult, Recognition
    from deidflow.verifier.face_report import FaceReport

JSON = dict[str, object]


def faces_json(faces: FaceReport) -> JSON:
    """The report on faces as plain lists and dicts."""
    images = [{"image": seen.image, **asdict(seen.detections)} for seen in faces.images]
    heads = [_head_json(head) for head in faces.heads]
    rates = [_rates_json(rates) for rates in faces.recognition]
    return {"images": images, "heads": heads, "recognition": rates}


def _head_json(head: PairResult) -> JSON:
    return {
        "image": head.name,
        "face_found_before": bool(head.people),
        "tissue": asdict(head.tissue) | {"share": head.tissue.share},
        "brain": asdict(head.brain) if head.brain is not None else None,
    }


def _rates_json(rates: Recognition) -> JSON:
    return {
        "recogniser": rates.recogniser.value,
        "before": _match_json(rates.before),
        "after": _match_json(rates.after),
    }


def _match_json(match: MatchResult) -> JSON:
    return asdict(match) | {"rank1_by_chance": match.rank1_by_chance}


def show_faces(faces: FaceReport, console: Console) -> None:
    """Print the tables."""
    _show_images(faces, console)
    if faces.heads:
        _show_heads(faces, console)
    if faces.recognition:
        _show_rates(faces, console)


def _show_images(faces: FaceReport, console: Console) -> None:
    from rich.table import Table

    table = Table(
        "image",
        "views with a face",
        "on the back of the head",
        title="detectors",
    )
    for seen in faces.images:
        found = seen.detections
        table.add_row(
            seen.image.replace("[", r"\["),
            _counts(found.front, found.front_views),
            _counts(found.back, found.back_views),
        )
    console.print(table)


def _counts(counts: dict[Detector, int], views: int) -> str:
    words = [f"{detector.value} {count}" for detector, count in counts.items()]
    return f"{', '.join(words)} of {views}"


def _show_heads(faces: FaceReport, console: Console) -> None:
    from rich.table import Table

    table = Table(
        "image",
        "changed",
        "no face",
        "brain changed",
        "nearest to the brain",
        title="one head per subject beside its original",
    )
    for head in faces.heads:
        table.add_row(head.name.replace("[", r"\["), *_head_cells(head))
    console.print(table)


def _head_cells(head: PairResult) -> list[str]:
    tissue = head.tissue
    cells = [
        f"{tissue.changed_ml:.0f} ml ({tissue.share:.1%})",
        "-" if tissue.no_face_ml is None else f"{tissue.no_face_ml:.0f} ml",
    ]
    brain = head.brain
    if brain is None:
        return [*cells, "-", "-"]
    nearest = "-" if brain.nearest_mm is None else f"{brain.nearest_mm:.1f} mm"
    return [*cells, f"{brain.changed_voxels} voxels", nearest]


def _show_rates(faces: FaceReport, console: Console) -> None:
    from rich.table import Table

    table = Table(
        "recogniser",
        "heads",
        "rank 1",
        "by chance, by luck",
        "AUC",
        "95 %",
        "by luck",
        "p",
        title="recognition in a gallery of the originals",
    )
    for rates in faces.recognition:
        for words, match in (("before", rates.before), ("after", rates.after)):
            table.add_row(rates.recogniser.value, words, *_match_cells(match))
    console.print(table)


def _match_cells(match: MatchResult) -> list[str]:
    lowest, highest = match.auc_interval
    return [
        f"{match.rank1} of {match.probes}",
        f"{match.rank1_by_chance:.1f}, {match.rank1_by_luck:.0f}",
        f"{match.auc:.2f}",
        f"{lowest:.2f} to {highest:.2f}",
        f"{match.auc_by_luck:.2f}",
        f"{match.auc_p:.3f}",
    ]
