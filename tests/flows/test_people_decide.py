"""What a person decided who looked at a series holds in the next run, until it is taken back."""

from __future__ import annotations

from deidflow.release.decision_record import append
from deidflow.release.decisions import Action, CaseName, Decision, undone
from deidflow.release.layout import Layout
from deidflow.verifier.unpublish import unpublish
from tests.flows.conftest import Site

WHEN = "2026-01-02T03:04:05+00:00"


def layout_of(site: Site) -> Layout:
    return Layout(site.release, site.root / "vault", "default", "low")


def withhold(site: Site) -> Decision:
    """Somebody withholds a series of P001."""
    case = CaseName("P001", "M00", site.published("P001").name)
    decision = Decision(case, Action.WITHHOLD, (), who="ada", when=WHEN, seen="", outputs="")
    append(layout_of(site).decisions, decision)
    return decision


def test_a_withheld_series_is_not_published_again_until_the_decision_is_undone(site: Site) -> None:
    decision = withhold(site)
    session = layout_of(site).published("P001", "M00")
    series = session / decision.case.series
    done = site.run()
    assert "reconstruct" in done["P001"]
    assert done["P002"] == set()
    assert not series.exists()
    table = (site.root / "vault" / "quarantine" / "report.csv").read_text()
    assert "withheld-by-person" in table

    append(layout_of(site).decisions, undone(decision, "bob", WHEN))
    site.run()
    assert series.exists()


def test_a_session_with_findings_stays_out_after_the_next_run(site: Site) -> None:
    assert unpublish(layout_of(site), ["P001/M00", "P009/M00"]) == ["P001/M00"]
    assert not layout_of(site).published("P001", "M00").exists()

    site.run()
    assert not layout_of(site).published("P001", "M00").exists()
    assert layout_of(site).published("P002", "M00").exists()
