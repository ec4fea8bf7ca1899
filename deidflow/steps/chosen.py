"""The header rules of a run: a profile, and what a site or a command line asks beyond it."""

from __future__ import annotations

from deidflow.config import CommonSettings
from deidflow.errors import ConfigError, UsageError
from deidflow.header.library import load_profile
from deidflow.header.profile import Dates, Deviation, Profile
from deidflow.header.selectors import Selector, parse_selector
from deidflow.settings import HeaderSettings


def chosen_profile(settings: CommonSettings) -> Profile:
    """The profile that the settings name, with their own rules on top.

    `keep` wins over `replace` over `remove` over the profile. Raises ConfigError for what names no
    attribute, UsageError for what contradicts itself.
    """
    header = settings.header
    profile = load_profile(settings.profile or settings.level)
    if settings.private == "none":
        profile = profile.without_private()
    if header.categories:
        profile = profile.model_copy(update={"categories": {**profile.categories, **header.categories}})
    if header.csa != "profile":
        profile = profile.model_copy(update={"csa": header.csa})
    if header.shift_days is not None:
        profile = _shifted(profile, header.shift_days)
    if header.keep_uids:
        _refuse_uid_contradiction(header)
        profile = profile.model_copy(update={"options": (*dict.fromkeys((*profile.options, "retain_uids")),)})
    if settings.ids.strategy == "none":
        kept = Deviation(attribute="PatientID", action="retain", reason="the identity strategy is none")
        profile = profile.deviating((kept,))
    return profile.deviating(_asked(header))


def _shifted(profile: Profile, days: int) -> Profile:
    """The profile with dates shifted by a given number of days, whatever it did with them."""
    keep = {"retain_longitudinal_modified_dates", "retain_longitudinal_full_dates"}
    options = (*(one for one in profile.options if one not in keep), "retain_longitudinal_modified_dates")
    dates = Dates(
        mode="shift", days=days, times=profile.dates.times, label=profile.dates.label, since=profile.dates.since
    )
    return profile.model_copy(update={"options": options, "dates": dates})


def _asked(header: HeaderSettings) -> tuple[Deviation, ...]:
    reason = "asked for on the command line or in the configuration"
    values: dict[Selector, str] = {}
    for attribute, value in header.replace.items():
        selector = parse_selector(attribute)
        if values.setdefault(selector, value) != value:
            raise UsageError(f"--replace gives '{attribute}' two values; name it once")
    removed = [Deviation(attribute=one, action="remove", reason=reason) for one in _known(header.remove)]
    replaced = [
        Deviation(attribute=one, action="replace", value=value, reason=reason) for one, value in header.replace.items()
    ]
    kept = [Deviation(attribute=one, action="retain", reason=reason) for one in _known(header.keep)]
    return (*removed, *replaced, *kept)


def _known(attributes: tuple[str, ...]) -> tuple[str, ...]:
    for attribute in attributes:
        parse_selector(attribute)
    return attributes


def _refuse_uid_contradiction(header: HeaderSettings) -> None:
    if header.uid_root != "2.25":
        raise UsageError("--keep-uids and --uid-root contradict each other; give one of them")


def parse_replacements(texts: list[str]) -> dict[str, str]:
    """`ATTRIBUTE=VALUE` of a command line; raises ConfigError for other forms and UsageError for a contradiction."""
    found: dict[str, str] = {}
    for text in texts:
        attribute, equals, value = text.partition("=")
        if not equals or not attribute:
            raise ConfigError("--replace wants ATTRIBUTE=VALUE, as in --replace PatientName=ANONYMOUS")
        if found.setdefault(attribute, value) != value:
            raise UsageError(f"--replace gives '{attribute}' two values; name it once")
    return found
