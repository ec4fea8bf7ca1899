"""DICOM associations as pynetdicom makes them: titles, TLS, contexts, and silence in logs."""

from __future__ import annotations

import logging
import ssl
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from deidflow.errors import ConfigError, DeidflowError
from deidflow.pacs.prompt_sockets import prompt_handlers
from deidflow.settings.pacs import PacsSettings, PeerSettings, TlsSettings

NOT_INSTALLED = "this needs pynetdicom and dicomweb-client: pip install 'deidflow[pacs]'"


class ConnectionLost(DeidflowError):
    """The archive did not answer, or went away; another try may succeed."""

    exit_code = 5


class Refused(DeidflowError):
    """The archive answered, and does not want what was asked; another try would not help."""

    exit_code = 5


class NothingAccepted(Refused):
    """The archive takes none of the classes and encodings that were offered."""


def keep_quiet(*names: str) -> None:
    """Silence logs and warnings of libraries: they hold keys, UIDs and values of patients."""
    import pydicom

    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    for module in ("pydicom", "pynetdicom", "dicomweb_client", "urllib3"):
        warnings.filterwarnings("ignore", module=rf"{module}\b")
    # A key may be longer than its VR allows, in the list as in the archive.
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE


def application_entity(pacs: PacsSettings) -> Any:
    """An application entity with our title and patience; raises ConfigError without pynetdicom."""
    try:
        from pynetdicom import AE, _config
    except ImportError:
        raise ConfigError(NOT_INSTALLED) from None

    keep_quiet("pynetdicom")
    # Files are sent byte by byte as they are, and private storage classes are taken.
    _config.STORE_SEND_CHUNKED_DATASET = True
    _config.UNRESTRICTED_STORAGE_SERVICE = True
    entity = AE(ae_title=pacs.ae_title)
    entity.acse_timeout = pacs.timeout_seconds
    entity.dimse_timeout = pacs.timeout_seconds
    entity.network_timeout = pacs.timeout_seconds
    entity.connection_timeout = pacs.timeout_seconds
    entity.maximum_pdu_size = 0
    return entity


@contextmanager
def associated(
    entity: Any,
    pacs: PacsSettings,
    peer: PeerSettings,
    handlers: Sequence[Any] = (),
    roles: Sequence[Any] = (),
) -> Iterator[Any]:
    """An association with an archive while the context is open.

    Raises ConnectionLost where there is none, Refused where the archive does not want us.
    """
    if peer.tls and pacs.tls is None:
        raise ConfigError("'pacs.tls' is not given; name the trusted authorities")
    tls = (client_context(pacs.tls), peer.host) if peer.tls and pacs.tls else None
    association = entity.associate(
        peer.host,
        peer.port,
        ae_title=peer.ae_title,
        evt_handlers=[*prompt_handlers(), *handlers],
        ext_neg=list(roles),
        tls_args=tls,
    )
    try:
        if association.is_rejected:
            raise Refused(
                f"{peer.name} refuses the association: check the titles on both sides ('ae_title')"
            )
        if association.rejected_contexts and not association.accepted_contexts:
            raise NothingAccepted(f"{peer.name} does not offer this service or class")
        if not association.is_established:
            raise ConnectionLost(f"{peer.name} cannot be reached; check host, port and TLS")
        yield association
    finally:
        if association.is_established:
            association.release()


def client_context(tls: TlsSettings) -> ssl.SSLContext:
    """Trusts the site's authorities only, and shows our certificate where there is one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return _with_files(context, tls)


def server_context(tls: TlsSettings) -> ssl.SSLContext:
    """Lets in only those whose certificate an authority of the site signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    return _with_files(context, tls)


def _with_files(context: ssl.SSLContext, tls: TlsSettings) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(tls.authorities)
        if tls.certificate is not None:
            context.load_cert_chain(tls.certificate, tls.key)
    except (OSError, ssl.SSLError):
        raise ConfigError(
            "the certificates of 'pacs.tls' cannot be read; check that they are PEM files"
        ) from None
    return context
