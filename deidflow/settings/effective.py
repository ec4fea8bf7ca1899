"""The header rules of a run: a profile, and what a site or a command line asks beyond it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import ValidationError

from deidflow.documents import reason_of
from deidflow.errors import ConfigError, UsageError
from deidflow.header.load_profile import load_profile
from deidflow.header.profile import BIRTH, FIRST_STUDY, Dates, Deviation, Profile
from deidflow.header.selectors import Selector, parse_selector
from deidflow.settings.attribute_values import check_value, refuse_structural
from deidflow.settings.run import CommonSettings
from deidflow.settings.sections import DEFAULT_UID_ROOT, HeaderSettings

_REQUESTED = "asked for on the command line or in the configuration"
_PATIENT_ID = "PatientID"
_LONGITUDINAL_OPTIONS = ("retain_longitudinal_modified_dates", "retain_longitudinal_full_dates")


def effective_profile(settings: CommonSettings) -> Profile:
    """The profile that the settings name, with their own rules on top.

    `keep` wins over `replace` over `remove` over the profile. Raises ConfigError for names of no
    attribute, UsageError for contradictions.
    """
    header = settings.header
    profile = load_profile(settings.profile or settings.level)
    if settings.private == "none":
        profile = profile.without_private()
    profile = _with_section(profile, header)
    _refuse_known_shift(profile, settings.level)
    _refuse_exact_age(profile)

    if header.keep_uids:
        profile = _with_uids(profile, header)
    if settings.ids.strategy == "none":
        kept_id = Deviation(
            attribute=_PATIENT_ID,
            action="retain",
            reason="the identity strategy is none",
        )
        profile = profile.deviating((kept_id,))
    if settings.patient_id == "empty":
        profile = _without_patient_id(profile, settings)
    return profile.deviating(_deviations(header))


def _without_patient_id(profile: Profile, settings: CommonSettings) -> Profile:
    """The profile that empties PatientID; refuses settings that give it a value."""
    asked = (*settings.header.keep, *settings.header.replace)
    patient_id = parse_selector(_PATIENT_ID)
    is_given = any(parse_selector(attribute) == patient_id for attribute in asked)
    if is_given or settings.ids.strategy == "none":
        raise UsageError(
            "'patient_id: empty' contradicts what keeps or replaces PatientID "
            "('header.keep', 'header.replace', 'ids.strategy: none'); give one of them"
        )
    emptied = Deviation(
        attribute=_PATIENT_ID,
        action="empty",
        reason=_REQUESTED,
    )
    return profile.deviating((emptied,))


def _with_section(profile: Profile, header: HeaderSettings) -> Profile:
    """The profile with the categories, CSA handling and date shift of a section `header`."""
    if header.categories:
        categories = {**profile.categories, **header.categories}
        profile = profile.model_copy(update={"categories": categories})
    if header.csa != "profile":
        profile = profile.model_copy(update={"csa": header.csa})
    if header.shift_days is not None:
        profile = _shifted(profile, header.shift_days)
    if header.days_since:
        profile = _counting(profile, header.days_since)
    return profile


def _counting(profile: Profile, since: str) -> Profile:
    """The profile that writes the days since an event; raises ConfigError for one that is none."""
    values = profile.dates.model_dump() | {"since": since}
    try:
        dates = Dates(**values)
    except ValidationError as error:
        words = reason_of(error.errors()[0])
        raise ConfigError(f"'header.days_since' {words}") from None
    return profile.model_copy(update={"dates": dates})


def _refuse_exact_age(profile: Profile) -> None:
    """Refuse days since birth where ages are given in steps: they are the age."""
    if profile.binned and profile.dates.since == BIRTH:
        raise ConfigError(
            f"profile '{profile.name}' gives ages in steps of five years; days since "
            f"{BIRTH} would give them away: count from {FIRST_STUDY}, or use --level low"
        )


def _shifted(profile: Profile, days: int) -> Profile:
    """The profile with dates shifted by `days`; refuses one whose clock hides true dates."""
    if profile.dates.mode == "clock":
        raise UsageError(
            "--shift-dates (header.shift_days) and the study clock of "
            f"profile '{profile.name}' contradict each other: "
            "shifted dates would show how true dates lie; "
            "use --level low, or leave --shift-dates out"
        )

    others = [option for option in profile.options if option not in _LONGITUDINAL_OPTIONS]
    options = (*others, "retain_longitudinal_modified_dates")
    dates = Dates(
        mode="shift",
        days=days,
        times=profile.dates.times,
        label=profile.dates.label,
        since=profile.dates.since,
    )
    return profile.model_copy(update={"options": options, "dates": dates})


def _refuse_known_shift(profile: Profile, level: str) -> None:
    """Refuse one shift for everybody at level high, which promises that no true date leaves.

    A file shows the number of days, so that true dates could be computed.
    """
    dates = profile.dates
    if level == "high" and dates.mode == "shift" and dates.days is not None:
        raise ConfigError(
            f"profile '{profile.name}': dates.days gives everybody the same shift, "
            "which level high does not allow; use dates.mode clock, or --level low"
        )


def _with_uids(profile: Profile, header: HeaderSettings) -> Profile:
    """The profile that keeps UIDs as they are; refuses a root for new ones."""
    if header.uid_root != DEFAULT_UID_ROOT:
        raise UsageError("--keep-uids and --uid-root contradict each other; give one of them")
    options = dict.fromkeys([*profile.options, "retain_uids"])
    return profile.model_copy(update={"options": tuple(options)})


def _deviations(header: HeaderSettings) -> tuple[Deviation, ...]:
    """What a section `header` asks of single attributes; later ones win."""
    _check_replacements(header)
    for attribute in (*header.remove, *header.replace):
        refuse_structural(attribute)

    removed = _deviations_of(header.remove, "remove")
    kept = _deviations_of(header.keep, "retain")
    replaced: list[Deviation] = []
    for attribute, value in header.replace.items():
        deviation = Deviation(
            attribute=attribute,
            action="replace",
            value=value,
            reason=_REQUESTED,
        )
        replaced.append(deviation)
    return (*removed, *replaced, *kept)


def _deviations_of(
    attributes: Sequence[str], action: Literal["remove", "retain"]
) -> list[Deviation]:
    """A deviation per attribute; raises ConfigError for a name of none."""
    deviations: list[Deviation] = []
    for attribute in attributes:
        parse_selector(attribute)
        deviation = Deviation(
            attribute=attribute,
            action=action,
            reason=_REQUESTED,
        )
        deviations.append(deviation)
    return deviations


def _check_replacements(header: HeaderSettings) -> None:
    """Refuse two values for one attribute, and values that it cannot have."""
    values: dict[Selector, str] = {}
    for attribute, value in header.replace.items():
        selector = parse_selector(attribute)
        if values.setdefault(selector, value) != value:
            raise _contradiction(attribute)
    for selector, value in values.items():
        check_value(selector, value)


def _contradiction(attribute: str) -> UsageError:
    return UsageError(f"--replace gives '{attribute}' two values; name it once")


def parse_replacements(texts: Sequence[str]) -> dict[str, str]:
    """Values by attribute from `ATTRIBUTE=VALUE` of a command line.

    Raises ConfigError for another form, UsageError if an attribute gets two values.
    """
    replacements: dict[str, str] = {}
    for text in texts:
        attribute, equals, value = text.partition("=")
        if not equals or not attribute:
            raise ConfigError(
                "--replace wants ATTRIBUTE=VALUE, as in --replace PatientName=ANONYMOUS"
            )
        if replacements.setdefault(attribute, value) != value:
            raise _contradiction(attribute)
    return replacements
