"""Free text without dates, contacts, long numbers, names behind a title and ages above 89.

What is cut needs a form of its own, so that measures stay: `EDSS 4.5-5.0`, `2000 mg`, `97 %`.
"""

from __future__ import annotations

import re

from deidflow.dicom.written_dates import days_meant

OLDEST = "90+"
_UNIT = (
    r"(?:[mkµucn]?g|mcg|[mdcµu]?l|[mckµn]?m|ms|s|sec|min|h|[kmg]?hz|mmhg|k?pa|i\.?[eu]\.?|u|e|k?cal|kj|"
    r"steps|schritte|cells|zellen|times|mal|euro?|x|×)(?!\w)|[%/€$]"
)
_YEAR = r"(?:19|20)\d\d"
_MONTH_NAME = (
    r"(?:january?|januari|jänner|janvier|enero|gennaio|janeiro|february?|februari|febrero|febbraio|f[ée]vrier|"
    r"fevereiro|march|märz|maart|mars|marzo|março|april|aprile|avril|abril|maggio|mayo|maio|june|juni|juin|"
    r"junio|junho|giugno|july|juli|juillet|julio|julho|luglio|august|augustus|août|agosto|september|septembre|"
    r"septiembre|settembre|setembro|o[ck]tober|octobre|octubre|ottobre|outubro|november|novembre|noviembre|"
    r"novembro|de[cz]ember|décembre|diciembre|dicembre|dezembro)"
)
_MONTH = (
    rf"(?:{_MONTH_NAME}|jan|feb|mar|mär|mrz|apr|may|mai|mei|jun|jul|aug|sept?|o[ck]t|nov|de[cz])"
)
_TIME = r"(?:[T ]+[0-2]?\d:[0-5]\d(?::[0-5]\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"

_NUMERIC_DATE = re.compile(
    r"(?<![\w.])(?P<day>\d{1,4}(?:-\d{1,2}-|/\d{1,2}/|\.\s?\d{1,2}\.\s?)\d{1,4})"
    rf"(?:{_TIME}(?!\w)|(?!\w))|(?<!\d)(?P<digits>{_YEAR}\d{{4}})(?!\d)"
)
_WORDED_DATE = re.compile(
    r"(?<!\w)(?:\d{1,2}(?:st|nd|rd|th|\.)?\s*(?:de\s+|of\s+)?[^\W\d_]{3,10}\.?,?\s*(?:de\s+)?"
    rf"|[^\W\d_]{{3,10}}\.?\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+){_YEAR}(?!\w)"
)
_PARTS_OF_DATES = (
    re.compile(r"(?<!\w)T[0-2]\d:[0-5]\d(?::[0-5]\d)?(?!\w)"),
    re.compile(rf"(?i)(?<!\w){_MONTH}\.?,?\s*(?:de\s+)?{_YEAR}(?!\w)"),
    re.compile(
        rf"(?i)(?<![\w.])\d{{1,2}}(?:st|nd|rd|th|\.)?\s*(?:de\s+|of\s+)?(?:{_MONTH_NAME}|(?-i:May|Mai))(?!\w)"
    ),
    re.compile(
        rf"(?i)(?<!\w)(?:{_MONTH_NAME}|(?-i:May|Mai))\s+\d{{1,2}}(?:st|nd|rd|th)?(?![\w%/]|[.,]\d)"
    ),
    re.compile(
        r"(?i)(?<=\b(?:am|ab)\s)\d{1,2}\.\s?\d{1,2}\.(?!\d)"
        r"|(?<=\b(?:vom|bis|zum|den)\s)\d{1,2}\.\s?\d{1,2}\.(?!\d)"
        r"|(?<=\bseit\s)\d{1,2}\.\s?\d{1,2}\.(?!\d)"
    ),
    re.compile(rf"(?<![\w./-])(?:(?:0?[1-9]|1[0-2])[-/]|0[1-9]\.){_YEAR}(?![\w/-])"),
    re.compile(rf"(?<![\w./-]){_YEAR}[-/](?:0[1-9]|1[0-2])(?![\w/-])"),
    re.compile(
        rf"(?i)(?<![\w.,/+<>=~-])(?<![<>=~]\s){_YEAR}(?:[-/–](?:19|20)?\d\d)?(?!\w|[.,/-]\d|\s?(?:{_UNIT}))"
    ),
)
"""What a cut date leaves of its time; months with their year, days without one, years."""

_LABELLED = re.compile(
    r"(?i)(?<!\w)(tel(?:efon|ephone|[ée]fono)?|phone|fon|mob(?:ile|il)?|handy|fax|cell|rufnummer|r[üu]ckruf)"
    r"((?:-?nr|nummer|number)?[ .:]{1,3})[+(]?\d[\d ()/-]{2,20}\d"
)
_CONTACTS = (
    re.compile(r"(?i)[\w.%+-]+\s?(?:@|[\[(](?:at|ät)[\])])\s?[\w-]+(?:\.[\w-]+)+"),
    re.compile(r"(?:https?://|www\.)\S+"),
    re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w])"),
    re.compile(r"(?<![\w.+-])\+?\(?\d{2,5}\)?(?:[ /()-]{1,2}\d{2,}){2,}(?!\w|[.,]\d)"),
    re.compile(
        r"(?<![\w.,+-])(?:\(0?\d{2,5}\)[ /-]{0,2}|0\d{2,4}[ /-]{1,2})"
        r"\d{3,}(?:[ -]\d{2,})*(?!\w|[.,]\d)"
    ),
    re.compile(rf"(?i)(?<!\w)(?<!\d[.,])\+?[a-z]{{0,3}}\d{{6,}}(?!\w|[.,]\d|\s?(?:{_UNIT}))"),
    re.compile(r"(?<![\w.,])[A-Za-z]{1,6}[-_/]?(?:\d[-_/]?){5,}\d(?!\w|[.,]\d)"),
)
"""Mail, web, network, telephone, numbers of six digits or more."""

_CAPITAL = r"[^\W\d_a-zß-öø-ÿ]"
_TITLED = re.compile(
    r"(?<!\w)(?:Dr|DR|Prof|PROF|PD|Mr|Mrs|Ms|Miss|Herrn?|Frau|Hr|Fr|Mme|Mlle|Sra?|Dott|Sig|Hausarzt|Hausärztin|Nurse)"
    r"(?:\.\s*|:\s*|\s+)(?:(?:med|dent|phil|rer|nat|habil|h\.\s?c|univ|Dr|DR|Prof|PD)(?:\.\s*|\s+))*"
    r"(?:(?:van|von|vom|de|der|den|di|da|la|le|zu)\s+)*"
    rf"(?:{_CAPITAL}\.[ -]?)*{_CAPITAL}[\w'’-]+(?:\s+{_CAPITAL}[\w'’-]+)?"
)
_ADDRESSES = (
    re.compile(
        rf"{_CAPITAL}[\w.-]*(?:\s{_CAPITAL}[\w.-]*)?(?:(?<=[Ss]tra[ßs]e)|(?<=[Ss]trasse)|(?<=[Ss]tr\.)|(?<=[Aa]llee)"
        r"|(?<=[Gg]asse))\s+\d+\s?[a-z]?(?!\w)"
    ),
    re.compile(
        rf"(?<!\w)\d{{1,5}}\s+(?:{_CAPITAL}[\w'’]+\s+){{1,3}}(?:Street|St\.|Road|Rd\.?|Avenue|Ave\.?|Lane|Drive|Blvd\.?)"
    ),
    re.compile(rf"(?<!\w)(?:[A-Z]-\d{{4,5}}|0\d{{4}})\s+{_CAPITAL}[\w-]+"),
    re.compile(rf"(?:{_CAPITAL}\w+,\s+)?(?<!\w)[A-Z]{{2}}\s+\d{{5}}(?:-\d{{4}})?(?!\w)"),
)

_GREAT = r"(?<![\w.,/])(?:9\d|1[0-2]\d)"
_GREAT_AGES = (
    re.compile(
        rf"(?i){_GREAT}(?=[- ]?(?:years?|yrs?|y\.?\s?[/o]|jahre?|j[äa]e?hrig|j\.?(?!\w)"
        r"|ans(?!\w)|años|anni|jaar))"
    ),
    re.compile(
        r"(?i)(?<!\w)(?<!mean )(aged?|alter|âge|edad|età|leeftijd)((?:\s|:|=|ist|is|of|von|de)*)"
        rf"{_GREAT}(?![\w%/+]|[.,]\d)"
    ),
)


def without_contacts(text: str) -> str:
    """Text without dates, numbers of six digits or more, contacts, and names behind a title."""
    text = _NUMERIC_DATE.sub(_without_date, text)
    text = _WORDED_DATE.sub(_without_date, text)
    text = _LABELLED.sub(r"\1\2", text)
    for pattern in (*_ADDRESSES, *_CONTACTS, *_PARTS_OF_DATES):
        text = pattern.sub("", text)
    return _TITLED.sub("", text)


def with_limited_ages(text: str) -> str:
    """Text in which ages above 89 are `90+`."""
    with_unit, named = _GREAT_AGES
    text = with_unit.sub(OLDEST, text)
    return named.sub(rf"\1\g<2>{OLDEST}", text)


def _without_date(match: re.Match[str]) -> str:
    """Nothing for what is a date or could be one in another order; other numbers stay."""
    groups = match.groupdict()
    text = groups.get("day") or groups.get("digits") or match[0]
    parts = re.split(r"[-./]\s?", text)
    is_short = len(parts) == 3 and all(part.isdigit() and len(part) <= 2 for part in parts)
    return "" if is_short or days_meant(text) else match[0]
