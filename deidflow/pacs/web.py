"""DICOMweb (PS3.18): queries by QIDO-RS, studies by WADO-RS, storage by STOW-RS."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from deidflow.errors import ConfigError
from deidflow.pacs.association import NOT_INSTALLED, ConnectionLost, Refused, keep_quiet
from deidflow.pacs.outcome import Outcome, ReadInstance, is_busy, outcome_of
from deidflow.pacs.published import OutgoingInstance
from deidflow.settings.pacs import PacsSettings, PeerSettings

PASSWORD = "DEIDFLOW_PACS_PASSWORD"  # noqa: S105 - the name of a variable
_BATCH_BYTES = 32 << 20
_BATCH_INSTANCES = 200
_PAGE = 500
_ANY_ENCODING = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_CONFLICT = 409
_TOO_MANY = 429
_FAILED_ITEMS = "FailedSOPSequence"
_UNKNOWN_FAILURE = 0x0110
"""Processing failure."""


@contextmanager
def _errors(peer: PeerSettings) -> Iterator[None]:
    """What requests raises, as errors of ours without the address of a patient."""
    import requests

    try:
        yield
    except requests.HTTPError as error:
        code = 0 if error.response is None else error.response.status_code
        if code >= 500 or code == _TOO_MANY:
            raise ConnectionLost(f"{peer.name} answers HTTP {code}") from None
        raise Refused(f"{peer.name} answers HTTP {code}; check address and user") from None
    except (requests.RequestException, OSError):  # before ValueError, which some of these are too
        raise ConnectionLost(f"{peer.name} does not answer; check address and TLS") from None
    except ValueError:
        raise Refused(f"{peer.name} gives an answer that is not of DICOMweb") from None


def web_client(pacs: PacsSettings, peer: PeerSettings) -> Any:
    """A client of an archive; raises ConfigError without the library."""
    try:
        import requests
        from dicomweb_client.web import DICOMwebClient
    except ImportError:
        raise ConfigError(NOT_INSTALLED) from None

    keep_quiet("dicomweb_client", "urllib3")
    session = requests.Session()
    if peer.user:
        session.auth = (peer.user, os.environ.get(PASSWORD, ""))
    if pacs.tls is not None:
        session.verify = str(pacs.tls.authorities)
        if pacs.tls.certificate and pacs.tls.key:
            session.cert = (str(pacs.tls.certificate), str(pacs.tls.key))
    client = DICOMwebClient(
        peer.url,
        session=session,
        permissive_uid=True,
        timeout=pacs.timeout_seconds,
    )
    client.set_http_retry_params(retry=False)
    return client


def stored_by_web(client: Any, peer: PeerSettings, study_uid: str, series_uid: str) -> set[str]:
    """UIDs of the instances of a series that an archive has; raises ConnectionLost."""
    found: set[str] = set()
    while True:
        with _errors(peer):
            rows = client.search_for_instances(
                study_uid,
                series_uid,
                limit=_PAGE,
                offset=len(found),
            )
        fresh = {_value(row, "00080018") for row in rows} - found
        found |= fresh
        if len(rows) < _PAGE or not fresh:
            return found


def studies_by_web(
    pacs: PacsSettings, peer: PeerSettings, keys: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The answers of an archive for values by keyword, as DICOM JSON; raises ConnectionLost."""
    client = web_client(pacs, peer)
    with _errors(peer):
        rows: list[dict[str, Any]] = client.search_for_studies(
            search_filters=dict(keys),
            fields=["NumberOfStudyRelatedInstances", "SOPClassesInStudy", "AccessionNumber"],
            limit=_PAGE,
        )
    return rows


def study_by_web(pacs: PacsSettings, peer: PeerSettings, study_uid: str) -> Iterator[bytes]:
    """The files of a study in the encoding that the archive has; raises ConnectionLost."""
    client = web_client(pacs, peer)
    with _errors(peer):
        # The library's public method would give data sets that it has parsed; these are bytes.
        response = client._http_get(  # noqa: SLF001
            f"{peer.url}/studies/{study_uid}",
            headers={"Accept": _ANY_ENCODING},
            stream=True,
        )
        parts = client._decode_multipart_message(response, stream=True)  # noqa: SLF001
        yield from map(bytes, parts)


def _value(row: dict[str, Any], tag: str) -> str:
    """The first value of an element of DICOM JSON (PS3.18 annex F); empty where there is none."""
    values = row.get(tag, {}).get("Value") or [""]
    return str(values[0])


def store_by_web(
    client: Any, peer: PeerSettings, instances: Sequence[OutgoingInstance], read: ReadInstance
) -> Iterator[Outcome]:
    """Send instances in messages of some megabytes.

    Raises ConnectionLost, after the outcomes of earlier messages were given.
    """
    batch: list[tuple[OutgoingInstance, bytes]] = []
    size = 0
    for instance in instances:
        content = read(instance)
        batch.append((instance, content))
        size += len(content)
        is_full = size >= _BATCH_BYTES or len(batch) >= _BATCH_INSTANCES
        if is_full:
            yield from _posted(client, peer, batch)
            batch, size = [], 0
    if batch:
        yield from _posted(client, peer, batch)


def _posted(
    client: Any, peer: PeerSettings, batch: Sequence[tuple[OutgoingInstance, bytes]]
) -> Iterator[Outcome]:
    """Send one message, and give the outcome of each of its instances."""
    contents = [content for _, content in batch]
    answer = _answer(client, peer, contents)
    failures = _failures(answer)
    codes = failures.values()
    if any(map(is_busy, codes)):
        raise ConnectionLost(f"{peer.name} is out of resources")

    for instance, _ in batch:
        code = failures.get(instance.sop_uid, 0)
        yield outcome_of(instance, code)


def _answer(client: Any, peer: PeerSettings, contents: Sequence[bytes]) -> Any:
    """The answer as a data set; that to a message of which nothing was stored is an HTTP error."""
    import requests
    from pydicom import Dataset

    with _errors(peer):
        try:
            # The library's public method would write the data sets anew; these are bytes.
            return client._http_post_multipart_application_dicom(  # noqa: SLF001
                f"{peer.url}/studies", contents
            )
        except requests.HTTPError as error:
            response = error.response
            if response is None or response.status_code != _CONFLICT:
                raise
            try:
                return Dataset.from_json(response.json())
            except ValueError:
                raise error from None


def _failures(answer: Any) -> dict[str, int]:
    """UID -> status of the instances that were not stored."""
    failures: dict[str, int] = {}
    items = answer.get(_FAILED_ITEMS) or []
    for item in items:
        uid = item.get("ReferencedSOPInstanceUID", "")
        reason = item.get("FailureReason") or _UNKNOWN_FAILURE
        failures[str(uid)] = int(reason)
    return failures
