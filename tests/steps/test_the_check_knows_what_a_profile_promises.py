"""What a profile keeps is no leak; everything else is searched."""

from __future__ import annotations

import pytest

from deidflow.header.load_profile import load_profile
from deidflow.header.selectors import tag_of
from deidflow.settings.effective import effective_profile
from deidflow.settings.load import checked
from deidflow.settings.run import CommonSettings
from deidflow.steps.claims import Claims

ALL = {"name", "staff", "id", "number", "contact", "text", "birth", "date"}


@pytest.mark.parametrize("name", ["low", "high", "basic", "clinical-trial"])
def test_strict_profiles_promise_everything(name: str) -> None:
    claims = Claims.of(load_profile(name))
    assert (claims.kinds, claims.uids, claims.kept) == (ALL, True, ())


def test_weak_profiles_promise_what_they_are_for() -> None:
    research, only_names = (Claims.of(load_profile(name)) for name in ("research", "pseudonymize"))
    assert (research.kinds, research.uids) == ({"name", "id", "contact", "birth"}, False)
    assert only_names.kinds == {"name"}
    assert tag_of("InstitutionName") in research.kept and tag_of("PatientName") not in research.kept


def test_what_a_site_keeps_is_no_leak() -> None:
    settings = checked(
        CommonSettings,
        {"level": "low", "header": {"keep": ("InstitutionName",), "keep_uids": True}},
    )
    claims = Claims.of(effective_profile(settings))
    assert (claims.kept, claims.uids) == ((tag_of("InstitutionName"),), False)
