"""The first configuration file of a project: a few answers, and every other key as a comment."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from deidflow.errors import ConfigError, UsageError
from deidflow.settings.load import load_settings

Ask = Callable[[str, str], str]
"""Called with a question and the default answer; returns the answer."""


@dataclass(frozen=True)
class Question:
    """What is asked for one key of the file."""

    key: str
    words: str
    default: str
    choices: tuple[str, ...] = ()

    def answer_problem(self, answer: str) -> str:
        """What is wrong with an answer; empty for a good one."""
        if self.choices and answer not in self.choices:
            return f"answer one of: {', '.join(self.choices)}"
        return "" if answer else "an answer is needed"


QUESTIONS = (
    Question("source", "Folder with the raw DICOM subjects (it is only read)", "/data/inbox"),
    Question("release", "Folder for the release, which may be handed out", "/data/release-{level}"),
    Question("vault", "Folder for identities and secret, which may not", "/secure/deidflow-vault"),
    Question(
        "level",
        "Level: 'high' to share outside, 'low' for a controlled research environment",
        "high",
        ("high", "low"),
    ),
    Question("project", "Name of the project or recipient", "default"),
    Question("prefix", "Letters before the number of a subject, as in P001", "P"),
    Question("faces", "Remove faces at level low too", "no", ("yes", "no")),
)
_TEMPLATE = """\
# A project of deidflow: deidflow run --config {file}
# Every key may also be a flag or an environment variable (DEIDFLOW_LEVEL). Keys with # are examples
# or show the default.

source: {source}            # only read, never changed
release: {release}          # may be handed out; {{level}} becomes low or high
vault: {vault}              # identities, secret, quarantine: keep it as you keep the originals
level: {level}              # high: one clock for all studies, ages in steps; low: shifted dates
project: {project}          # releases of different projects cannot be joined

ids:
  strategy: sequential      # none | folder | deterministic | csv | name
  prefix: {prefix}
  # start: 1
  # width: 3
  # discovery: all          # per_top_folder | one_per_study: who is one subject

deface:
  when: {faces}             # auto: at level high; always: at level low too
  # ears: true            # they stay otherwise, but with region: skin
  # region: block          # skin: below the skin only; best with fill: average
  # scope:                  # the first rule that fits a series decides
  #   - {{modality: MR, series: "*knee*", action: skip, reason: knees by protocol}}

# burned_in:
#   read: auto              # text in pixels: always refuses to run without the extra ocr; never
#   rules: []               # files with rules of devices: rectangles to blank, harmless texts
# private: listed           # none: keep no private element; mosaics and gradients convert worse
# patient_id: pseudonym     # empty: no PatientID at all; such a release is not sent to a PACS
# header:
#   remove: [StationName]   # attributes beyond the profile: keyword, gggg,eeee, gggg,[CREATOR]ee
#   keep: []
#   vocabulary: []          # further words that may stay in descriptions
# sessions:
#   snap_months: 0          # 6: label sessions M00, M06, M12 where they are near enough
# workers: 0                # subjects at work at once; 0 chooses from cores and memory
# memory_gib: 0             # limit of one working process; 0 shares the machine's memory
# notify:
#   webhook: ""             # gets a JSON message when something is newly held back or fails
"""
_PLAIN = re.compile(r"[A-Za-z0-9/._{}-]+")


def ask_all(ask: Ask, given: Mapping[str, str]) -> dict[str, str]:
    """An answer to every question; what is given is not asked. Raises UsageError for a bad one."""
    answers = {}
    for question in QUESTIONS:
        answer = given.get(question.key) or ask(question.words, question.default)
        problem = question.answer_problem(answer.strip())
        if problem:
            raise UsageError(f"'{question.key}': {problem}")
        answers[question.key] = answer.strip()
        if answers.get("level") == "high":
            answers.setdefault("faces", "no")
            given = {**given, "faces": "no"}
    return answers


def starter_text(answers: Mapping[str, str], file: str) -> str:
    """The text of the file."""
    values = {key: _scalar(value) for key, value in answers.items()}
    values["faces"] = "always" if answers["faces"] == "yes" else "auto"
    return _TEMPLATE.format(file=_scalar(file), **values)


def _scalar(text: str) -> str:
    """A text as YAML reads it back: in quotes where it has to be."""
    if _PLAIN.fullmatch(text) and not text.startswith(("{", "-")) and yaml.safe_load(text) == text:
        return text
    quoted = text.replace("'", "''")
    return f"'{quoted}'"


def write_starter(path: Path, answers: Mapping[str, str]) -> None:
    """Write the file, checked as a run would check it; raises UsageError for one that is there."""
    text = starter_text(answers, path.name)
    try:
        with path.open("x", encoding="utf-8") as stream:
            path.chmod(0o600)
            stream.write(text)
    except FileExistsError:
        raise UsageError("the file exists; name another one, or delete it first") from None
    except OSError as error:
        raise UsageError(f"the file cannot be written: {error.strerror}") from None
    try:
        load_settings({}, path, environment={})
    except (ConfigError, UsageError):
        path.unlink()
        raise
