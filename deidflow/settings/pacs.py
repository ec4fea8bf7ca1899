"""The section `pacs` of a configuration: what is fetched, received and sent, and by whom."""

from __future__ import annotations

import re
from datetime import time
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from deidflow.errors import ConfigError
from deidflow.settings.sections import Section

_TITLE = re.compile(r"(?! )[ -\[\]-~]{1,16}(?<! )")
"""An application entity title: default characters without the backslash (PS3.5 section 6.2)."""
_WINDOW = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)-([01]?\d|2[0-3]):([0-5]\d)")
_XNAT_NAME = re.compile(r"[A-Za-z0-9_-]+")


def _title(text: str) -> str:
    if not _TITLE.fullmatch(text):
        raise ValueError(
            "is not an application entity title: 1 to 16 characters, no backslash, "
            "no space at either end"
        )
    return text


Title = Annotated[str, AfterValidator(_title)]


class TlsSettings(Section):
    """Certificates, as PEM files."""

    authorities: Path
    """Whose certificates are trusted; nobody else's are."""
    certificate: Path | None = None
    """Our own, for those who ask for it; what receives has to have one."""
    key: Path | None = None


class PeerSettings(Section):
    """An archive: by DIMSE (title, host, port) or by DICOMweb (url)."""

    ae_title: Title | None = None
    host: str = ""
    port: int = Field(default=104, ge=1, le=65535)
    tls: bool = False
    """DIMSE over TLS, with the certificates of `pacs.tls`; a url says so by https."""
    url: str = Field(default="", pattern=r"^(https?://[^\s@]+)?$")
    user: str = ""
    """For DICOMweb; the password is in DEIDFLOW_PACS_PASSWORD."""

    @model_validator(mode="after")
    def _one_way(self) -> PeerSettings:
        if bool(self.url) == bool(self.host):
            raise ValueError("give either 'host' (with 'ae_title') or 'url' of an archive")
        if self.host and not self.ae_title:
            raise ValueError("'host' needs the 'ae_title' of the archive")
        return self

    @property
    def name(self) -> str:
        """What tables and messages call the archive."""
        return self.url or f"{self.ae_title}@{self.host}:{self.port}"


class ReceiveSettings(Section):
    """Who may store studies here, and when a study counts as complete."""

    host: str = "127.0.0.1"
    """The address to listen on; by default this machine only."""
    port: int = Field(default=11112, ge=1, le=65535)
    allow: tuple[Title, ...] = ()
    """The titles of those who may store; nobody else is let in."""
    tls: bool = False
    """Only over TLS, from those whose certificate an authority of `pacs.tls` signed."""
    quiet_minutes: float = Field(default=5.0, gt=0, le=1440)
    """A study without a new instance for so long is handed on."""
    longest_minutes: float = Field(default=240.0, gt=0, le=10080)
    """A study that is never quiet is handed on after so long."""


class WindowSettings(Section):
    """When an archive may be troubled."""

    window: str = ""
    """Hours of the day, e.g. "22:00-06:00"; empty: at any time."""

    @field_validator("window")
    @classmethod
    def _is_window(cls, text: str) -> str:
        if text and not _WINDOW.fullmatch(text):
            raise ValueError('is not a window; expected two times, e.g. "22:00-06:00"')
        return text

    @property
    def hours(self) -> tuple[time, time] | None:
        """Start and end of the window."""
        match = _WINDOW.fullmatch(self.window)
        if match is None:
            return None
        from_hour, from_minute, to_hour, to_minute = map(int, match.groups())
        start = time(from_hour, from_minute)
        end = time(to_hour, to_minute)
        return start, end


class FetchSettings(WindowSettings):
    """From where studies of a list are fetched, how, and when."""

    peer: PeerSettings
    by: Literal["move", "get"] = "get"
    """With DIMSE: C-GET, or C-MOVE to our own title, which the archive has to know."""
    list: Path | None = None


class XnatSettings(Section):
    """Text by which XNAT files what it receives."""

    project: str
    attribute: Literal["StudyComments", "PatientComments"] = "StudyComments"

    @field_validator("project")
    @classmethod
    def _is_name(cls, text: str) -> str:
        if not _XNAT_NAME.fullmatch(text):
            raise ValueError("is not an ID of XNAT: letters, digits, underscores and hyphens")
        return text


class SendSettings(WindowSettings):
    """Where published sessions are sent, and when."""

    peer: PeerSettings
    xnat: XnatSettings | None = None


class RetrySettings(Section):
    """How often something is tried that failed for the connection or the archive's resources."""

    attempts: int = Field(default=5, ge=1, le=50)
    first_seconds: float = Field(default=2.0, ge=0, le=3600)
    """The first pause; each further one is twice as long."""
    longest_seconds: float = Field(default=300.0, ge=0, le=86400)


class PacsSettings(Section):
    """Archives around a run."""

    ae_title: Title = "DEIDFLOW"
    """Our own title."""
    spool: Path | None = None
    """Where studies gather until they are complete; by default a folder beside the source."""
    tls: TlsSettings | None = None
    retry: RetrySettings = RetrySettings()
    timeout_seconds: float = Field(default=60.0, gt=0, le=3600)
    """How long an archive may be silent."""
    receive: ReceiveSettings | None = None
    fetch: FetchSettings | None = None
    send: SendSettings | None = None

    @model_validator(mode="after")
    def _fits(self) -> PacsSettings:
        receive = self.receive
        if self.tls is None and self._asks_for_tls():
            raise ValueError("TLS is asked for; give the certificates in the section 'tls'")
        if receive and receive.tls and not (self.tls and self.tls.certificate and self.tls.key):
            raise ValueError("'receive.tls' needs 'tls.certificate' and 'tls.key'")
        return self

    def _asks_for_tls(self) -> bool:
        if self.receive and self.receive.tls:
            return True
        if self.fetch and self.fetch.peer.tls:
            return True
        return self.send is not None and self.send.peer.tls


def required_fetch(pacs: PacsSettings) -> FetchSettings:
    """The section `pacs.fetch`; raises ConfigError where there is none."""
    if pacs.fetch is None:
        raise ConfigError("'pacs.fetch' is not given; name the archive as its 'peer'")
    return pacs.fetch


def required_receive(pacs: PacsSettings) -> ReceiveSettings:
    """The section `pacs.receive`; raises ConfigError where there is none, or lets nobody in."""
    if pacs.receive is None:
        raise ConfigError("'pacs.receive' is not given; name those who may store as its 'allow'")
    if not pacs.receive.allow:
        raise ConfigError("'pacs.receive.allow' is empty; name the titles of those who may store")
    return pacs.receive


def required_send(pacs: PacsSettings) -> SendSettings:
    """The section `pacs.send`; raises ConfigError where there is none."""
    if pacs.send is None:
        raise ConfigError("'pacs.send' is not given; name the archive as its 'peer'")
    return pacs.send
