"""The releases in which somebody can be: those that the vault knows, and those that are named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from deidflow.errors import UsageError
from deidflow.identity.registry import Registry, Row
from deidflow.identity.secret import Keys, release_id
from deidflow.identity.vault import Vault
from deidflow.release.layout import Layout
from deidflow.store.files import read_json


def layouts_of(
    registry: Registry, rows: Sequence[Row], named: Sequence[Path], *, forget_missing: bool
) -> tuple[Layout, ...]:
    """The paths of each release of the projects and levels that have these rows.

    Raises UsageError for one that is not where it was made, unless another place is named or
    `forget_missing` says that it was deleted, and for a named folder that is not a release of the
    vault.
    """
    layouts: list[Layout] = []
    unused = set(named)
    for project, level in sorted({(row.project, row.level) for row in rows}):
        keys = Keys(
            registry.master,
            project,
            level,
        )
        ours = [path for path in named if _is_of(path, keys)]
        unused -= set(ours)
        known = _known_releases(registry.folder, keys)
        missing = [path for path in known if not _is_of(path, keys)]
        if missing and not ours and not forget_missing:
            raise _missing(
                project,
                level,
                missing[0],
            )

        places = {*ours, *known} - set(missing)
        for place in sorted(places) or [_nowhere(registry.folder, project, level)]:
            layouts.append(
                Layout(
                    place,
                    registry.folder,
                    project,
                    level,
                )
            )

    if unused:
        raise UsageError(
            "a folder given with --release is not a release in which the person can be: this "
            "vault did not make it, or not in a project and level that has the person"
        )
    return tuple(layouts)


def _known_releases(vault: Path, keys: Keys) -> list[Path]:
    with closing(Vault(vault, keys)) as opened:
        return opened.releases()


def _is_of(release: Path, keys: Keys) -> bool:
    """Whether a folder is a release of this vault, project and level."""
    description = read_json(release / "dataset.json")
    if not isinstance(description, dict):
        return False
    made_by = description.get("release_id")
    return made_by == release_id(keys)


def _nowhere(vault: Path, project: str, level: str) -> Path:
    """A release that does not exist, for what a vault holds without one; each has its own lock."""
    return vault / f"no-release-{project}-{level}"


def _missing(project: str, level: str, place: Path) -> UsageError:
    return UsageError(
        f"the release of project {project}, level {level} is not at {place}; make the place "
        "available, name the new one with --release, or say --forget-missing if it was deleted"
    )


def scopes_of(layouts: Iterable[Layout]) -> list[Layout]:
    """One layout of each project and level."""
    by_scope = {}
    for layout in layouts:
        by_scope[(layout.project, layout.level)] = layout
    return list(by_scope.values())
