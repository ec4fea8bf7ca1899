"""One verification from beginning to end: which observers look, and what they need."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from deidflow.errors import UsageError
from deidflow.release.layout import Layout
from deidflow.verifier.claims import LEVELS, Claims, Description, claims_of
from deidflow.verifier.conformance import Conformance
from deidflow.verifier.conservation import conservation_findings
from deidflow.verifier.criteria import CriteriaJudge
from deidflow.verifier.findings import Report
from deidflow.verifier.observers import Consistency, Observer
from deidflow.verifier.options import VerifyOptions
from deidflow.verifier.release import ReleaseCheck
from deidflow.verifier.vault import VaultView

if TYPE_CHECKING:
    from deidflow.verifier.face_report import FaceReport
    from deidflow.verifier.volumes import SeriesFiles


def verify(options: VerifyOptions, *more: Observer) -> Report:
    """Verify a release or a folder of images.

    Raises UsageError for what is not a folder of images, or a vault that does not know the release.
    """
    if not options.release.is_dir():
        raise UsageError("the release is not a folder")

    description = Description.read(options.release)
    claims = claims_of(description, options.level)
    report = Report()
    view = vault_view(options, description) if options.vault is not None else None
    if view is not None:
        options = _with_vault(options, view)
    else:
        report.note("no vault was given: nothing was compared with the source")

    seen_series = _series_files() if options.faces else None
    with ExitStack() as stack:
        observers: list[Observer] = [Consistency(), *more]
        if seen_series is not None:
            observers.append(seen_series)
        if view is not None:
            observers += _with_source(
                options,
                view,
                claims,
                stack,
            )
        observers += _conformance(options, view, report)
        check = ReleaseCheck(
            options,
            claims,
            observers,
            report,
        )
        check.run()

    if seen_series is not None:
        report.faces = _judged_faces(
            options,
            claims,
            seen_series,
            view,
            report,
        )
    _check_conservation(options, view, report)
    if not report.files["DICOM"] and not report.files["NIfTI"]:
        raise UsageError("the folder holds no image to verify")
    return report


def _conformance(
    options: VerifyOptions, view: VaultView | None, report: Report
) -> list[Conformance]:
    """The validation of attributes, unless it is switched off."""
    if options.conformance == "off":
        return []
    every = options.conformance == "all"
    source_of = partial(_source_of, options, view)
    return [Conformance(report, every, source_of)]


def _check_conservation(options: VerifyOptions, view: VaultView | None, report: Report) -> None:
    """Add what is in the source, and neither released nor held back for a reason."""
    if view is None or options.source is None:
        return
    report.findings += conservation_findings(
        view,
        options.source,
        options.release,
        options.subjects,
        options.named,
    )


def judged(options: VerifyOptions) -> tuple[Report, CriteriaJudge]:
    """Verify, and judge each instance by the criteria of its level too; raises as `verify`.

    What says of itself that it is not de-identified fails them without a finding, unless a level
    is asked for.
    """
    description = Description.read(options.release) if options.release.is_dir() else None
    level = options.level or (description.level if description is not None else "") or "low"
    says_identified = description is not None and description.identified
    judge = CriteriaJudge(
        level if level in LEVELS else "low",
        options.uid_roots,
        holds=bool(options.level) or not says_identified,
    )
    return verify(options, judge), judge


def _series_files() -> SeriesFiles:
    """An observer for the judges of faces; raises EnvironmentFault where they are not installed."""
    from deidflow.recognition.software import require_faces
    from deidflow.verifier.volumes import SeriesFiles

    require_faces()
    return SeriesFiles()


def _judged_faces(
    options: VerifyOptions,
    claims: Claims,
    series: SeriesFiles,
    view: VaultView | None,
    report: Report,
) -> FaceReport:
    """What the judges see in the volumes of the release."""
    from deidflow.verifier.faces import FaceCheck

    with tempfile.TemporaryDirectory(prefix="deidflow-verify-") as scratch:
        check = FaceCheck(
            options,
            claims,
            series,
            view,
            Path(scratch),
            report,
        )
        return check.run()


def _source_of(options: VerifyOptions, view: VaultView | None, name: str) -> Path | None:
    """The source file of a released path, where the vault knows it."""
    if view is None or options.source is None:
        return None
    row = view.by_released_path.get(name)
    return view.source_of(row, options.source) if row is not None else None


def vault_view(options: VerifyOptions, description: Description | None) -> VaultView:
    """The vault of a release; raises UsageError where it is not one of deidflow's."""
    if description is None:
        raise UsageError("a vault is of no use for a folder that deidflow did not make")

    if not description.is_release:
        raise UsageError(
            "this is the output of 'deidflow anonymize'; beside a vault only releases of "
            "'deidflow run' can be verified. Leave out --vault and --source"
        )

    if options.vault is None or not options.vault.is_dir():
        raise UsageError("the vault is not a folder")

    layout = Layout(
        options.release,
        options.vault,
        description.project,
        description.level,
    )
    return VaultView(layout)


def _with_vault(options: VerifyOptions, view: VaultView) -> VerifyOptions:
    """The options with what the vault's orders say of UIDs and of words that may stay."""
    roots = {order.uid_root for order in view.orders.values()}
    words = {word.lower() for order in view.orders.values() for word in order.vocabulary}
    return replace(
        options,
        uid_roots=tuple(sorted({*options.uid_roots, *roots})),
        vocabulary=options.vocabulary | words,
    )


def _with_source(
    options: VerifyOptions, view: VaultView, claims: Claims, stack: ExitStack
) -> list[Observer]:
    """Those who compare with the source; their imports take longer than a small release."""
    from deidflow.verifier.leaks import CohortLeaks
    from deidflow.verifier.sources import SourceComparison

    source = options.source
    if source is None or not source.is_dir():
        raise UsageError("a vault needs the source beside it; name its folder with --source")
    scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="deidflow-verify-")))
    release = options.release
    return [
        SourceComparison(
            view,
            source,
            release,
            scratch,
            claims,
        ),
        CohortLeaks(
            view,
            source,
            release,
            claims,
        ),
    ]
