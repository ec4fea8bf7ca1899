"""The software bill of materials: every installed package that deidflow rests on, as CycloneDX."""

from __future__ import annotations

import re
from importlib import metadata

from deidflow.errors import EnvironmentFault
from deidflow.version import __version__

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")


def parts_list() -> str:
    """CycloneDX 1.6 as JSON; raises EnvironmentFault where its library is not installed."""
    try:
        from cyclonedx.model.bom import Bom
        from cyclonedx.model.component import Component, ComponentType
        from cyclonedx.output.json import JsonV1Dot6
        from packageurl import PackageURL
    except ImportError:
        raise EnvironmentFault(
            "the parts list needs cyclonedx-python-lib; install deidflow[evidence]"
        ) from None

    bom = Bom()
    main = Component(
        name="deidflow",
        version=__version__,
        type=ComponentType.APPLICATION,
    )
    bom.metadata.component = main
    parts = []
    for name, version in sorted(installed_parts().items()):
        part = Component(
            name=name,
            version=version,
            purl=PackageURL(
                "pypi",
                name=name,
                version=version,
            ),
            bom_ref=f"{name}@{version}",
        )
        bom.components.add(part)
        parts.append(part)
    bom.register_dependency(main, parts)
    return JsonV1Dot6(bom).output_as_string(indent=2)


def installed_parts() -> dict[str, str]:
    """Name and version of every installed package that deidflow needs, directly or not."""
    found: dict[str, str] = {}
    waiting = _needs("deidflow")
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
        waiting |= _needs(name)
    return found


def _needs(package: str) -> set[str]:
    """Names of a package's requirements, extras left out."""
    try:
        requirements = metadata.requires(package) or []
    except metadata.PackageNotFoundError:
        return set()
    names = set()
    for requirement in requirements:
        match = _NAME.match(requirement)
        if match and "extra ==" not in requirement:
            names.add(
                re.sub(
                    r"[-_.]+",
                    "-",
                    match[0],
                ).lower()
            )

    return names
