"""The header rules of a run: a profile, and what a site or a command line asks beyond it."""

from __future__ import annotations

import re

from deidflow.dicom.dictionary import dictionary_vrs
from deidflow.errors import ConfigError, UsageError
from deidflow.header.load_profile import load_profile
from deidflow.header.profile import Dates, Deviation, Profile
from deidflow.header.selectors import Selector, keyword_of, parse_selector
from deidflow.settings.run import CommonSettings
from deidflow.settings.sections import HeaderSettings


def effective_profile(settings: CommonSettings) -> Profile:
    """The profile that the settings name, with their own rules on top.

    `keep` wins over `replace` over `remove` over the profile. Raises ConfigError for what names no
    attribute, UsageError for what contradicts itself.
    """
    header = settings.header
    profile = load_profile(settings.profile or settings.level)
    if settings.private == "none":
        profile = profile.without_private()
    if header.categories:
        profile = profile.model_copy(
            update={"categories": {**profile.categories, **header.categories}}
        )
    if header.csa != "profile":
        profile = profile.model_copy(update={"csa": header.csa})
    if header.shift_days is not None:
        profile = _shifted(profile, header.shift_days)
    _refuse_known_shift(profile, settings.level)
    if header.keep_uids:
        _refuse_uid_contradiction(header)
        profile = profile.model_copy(
            update={"options": (*dict.fromkeys((*profile.options, "retain_uids")),)}
        )
    if settings.ids.strategy == "none":
        kept = Deviation(
            attribute="PatientID", action="retain", reason="the identity strategy is none"
        )
        profile = profile.deviating((kept,))
    return profile.deviating(_asked(header))


def _refuse_known_shift(profile: Profile, level: str) -> None:
    """Refuse true dates plus a number that a file shows, where the level promises that no true date leaves."""
    if level == "high" and profile.dates.mode == "shift" and profile.dates.days is not None:
        raise ConfigError(
            f"profile '{profile.name}': dates.days gives everybody the same shift, which level high does not allow; "
            "use dates.mode clock, or --level low"
        )


def _shifted(profile: Profile, days: int) -> Profile:
    """The profile with dates shifted by a given number of days; refuses one whose clock hides true dates."""
    if profile.dates.mode == "clock":
        raise UsageError(
            f"--shift-dates (header.shift_days) and the study clock of profile '{profile.name}' contradict each other: "
            "shifted dates would show how true dates lie; use --level low, or leave --shift-dates out"
        )
    keep = {"retain_longitudinal_modified_dates", "retain_longitudinal_full_dates"}
    options = (
        *(one for one in profile.options if one not in keep),
        "retain_longitudinal_modified_dates",
    )
    dates = Dates(
        mode="shift",
        days=days,
        times=profile.dates.times,
        label=profile.dates.label,
        since=profile.dates.since,
    )
    return profile.model_copy(update={"options": options, "dates": dates})


def _asked(header: HeaderSettings) -> tuple[Deviation, ...]:
    reason = "asked for on the command line or in the configuration"
    values: dict[Selector, str] = {}
    for attribute, value in header.replace.items():
        selector = parse_selector(attribute)
        if values.setdefault(selector, value) != value:
            raise UsageError(f"--replace gives '{attribute}' two values; name it once")
    for selector, value in values.items():
        _check_value(selector, value)
    for attribute in (*header.remove, *header.replace):
        _refuse_structural(attribute)
    removed = [
        Deviation(attribute=one, action="remove", reason=reason) for one in _known(header.remove)
    ]
    replaced = [
        Deviation(attribute=one, action="replace", value=value, reason=reason)
        for one, value in header.replace.items()
    ]
    kept = [Deviation(attribute=one, action="retain", reason=reason) for one in _known(header.keep)]
    return (*removed, *replaced, *kept)


_NEEDED = frozenset(
    (
        *(
            0x00080005,
            0x00080016,
            0x00080018,
            0x0020000D,
            0x0020000E,
            0x00280002,
            0x00280004,
            0x00280006,
            0x00280008,
        ),
        *(0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280102, 0x00280103, 0x7FE00010),
    )
)
"""Attributes without which a file cannot be read, or not as what it is."""
_PATTERNS = {
    "DA": r"\d{8}", "TM": r"\d{2,6}(\.\d{1,6})?", "DT": r"\d{4,14}(\.\d{1,6})?([+-]\d{4})?", "UI": r"[0-9.]{1,64}",
    "AS": r"\d{3}[DWMY]", "IS": r"[+-]?\d{1,12}", "DS": r"[+-]?[\d.eE+-]{1,16}", "CS": r"[A-Z0-9 _]{0,16}",
    "SH": r".{0,16}", "LO": r".{0,64}", "PN": r".{0,324}", "US": r"\d{1,5}", "UL": r"\d{1,10}", "SS": r"-?\d{1,5}",
    "SL": r"-?\d{1,10}", "FL": r"[+-]?[\d.eE+-]+", "FD": r"[+-]?[\d.eE+-]+",
}  # fmt: skip


def _check_value(selector: Selector, value: str) -> None:
    """Refuse a value that its attribute cannot hold (PS3.5 section 6.2)."""
    vr = dictionary_vrs().get(selector.tag or 0, b"").decode("ascii")
    pattern = _PATTERNS.get(vr)
    if vr in ("SQ", "OB", "OW", "UN", "AT"):
        raise ConfigError(
            f"'{keyword_of(selector.tag or 0)}' has VR {vr} and cannot be replaced by a text"
        )
    if value and pattern and not re.fullmatch(pattern, value):
        raise ConfigError(
            f"'{keyword_of(selector.tag or 0)}' cannot hold this value: its VR is {vr}"
        )


def _refuse_structural(attribute: str) -> None:
    selector = parse_selector(attribute)
    if selector.tag in _NEEDED and not selector.path:
        raise ConfigError(
            f"'{attribute}' is needed to read the file; it cannot be removed or replaced"
        )


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
            raise ConfigError(
                "--replace wants ATTRIBUTE=VALUE, as in --replace PatientName=ANONYMOUS"
            )
        if found.setdefault(attribute, value) != value:
            raise UsageError(f"--replace gives '{attribute}' two values; name it once")
    return found
