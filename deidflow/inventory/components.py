"""Which instances can concern each other: those that share a patient, a study, a series or a UID.

What becomes of an instance depends on no other than these, so that a source of any size is grouped
piece by piece.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from deidflow.dicom.manifest import NO_MANIFEST, Manifest
from deidflow.dicom.patients import Discovery, own_key
from deidflow.dicom.persons import Member
from deidflow.inventory.database import path_of
from deidflow.inventory.listing import Listing

Ints = NDArray[np.int64]


class _Sets:
    """Disjoint sets of nodes, joined by what they have in common."""

    def __init__(self) -> None:
        self.parents: list[int] = []
        self._first: dict[str, int] = {}

    def add(self, keys: Iterable[str]) -> int:
        """A new node; it joins those that have one of the keys."""
        node = len(self.parents)
        self.parents.append(node)
        for key in keys:
            other = self._first.setdefault(key, node)
            self.join(node, other)
        return node

    def join(self, node: int, other: int) -> None:
        self.parents[self.root(node)] = self.root(other)

    def roots(self) -> Ints:
        """The root of every node."""
        nodes = range(len(self.parents))
        roots = map(self.root, nodes)
        return np.fromiter(
            roots,
            np.int64,
            len(nodes),
        )

    def root(self, node: int) -> int:
        parents = self.parents
        while parents[node] != node:
            parents[node] = parents[parents[node]]
            node = parents[node]
        return node


def components(
    listing: Listing, discovery: Discovery, manifest: Manifest = NO_MANIFEST
) -> Iterator[list[int]]:
    """Numbers of the instances of each component.

    Memory: 20 bytes a file, and some hundred for each series.
    """
    numbers = array("q")
    nodes = array("q")
    uids = array("q")
    places = _Places(
        listing,
        discovery,
        manifest,
    )
    for number, locator, header, own in listing.links():
        numbers.append(number)
        node = places.node(number, locator, header)
        nodes.append(node)
        # Two UIDs with one hash would only be looked at together.
        uid, _, _ = own.partition(",")
        uids.append(hash(uid))

    sets = places.sets
    node_of = np.array(nodes, np.int64)
    _join_copies(
        sets,
        node_of,
        np.array(uids),
    )
    roots = sets.roots()
    yield from _parts(
        np.array(numbers),
        roots[node_of],
    )


class _Places:
    """The instances of one header in one top folder are one node."""

    def __init__(self, listing: Listing, discovery: Discovery, manifest: Manifest) -> None:
        self.sets = _Sets()
        self._listing = listing
        self._discovery = discovery
        self._manifest = manifest
        self._nodes: dict[tuple[bytes, bytes, str], int] = {}

    def node(self, number: int, locator: bytes, header: bytes) -> int:
        """The node of a file."""
        top, _, below = locator.partition(b"/")
        label = ""
        if self._manifest.entries:
            path = path_of(locator)
            entry = self._manifest.of_file(path)
            label = entry.subject
        folder = top if below else b""
        place = (header, folder, label)
        node = self._nodes.get(place)
        if node is None:
            keys = self._keys(number, label)
            node = self.sets.add(keys)
            self._nodes[place] = node
        return node

    def _keys(self, number: int, label: str) -> Iterator[str]:
        member = _member(self._listing, number)
        has_manifest = bool(self._manifest.entries)
        return _keys(
            member,
            self._discovery,
            label,
            by_manifest=has_manifest,
        )


def _member(listing: Listing, number: int) -> Member | None:
    stored = listing.stored([number])
    [row] = listing.numbered(stored)
    entry = row.entry
    if entry.instance is None:
        return None
    return Member(
        entry.path,
        entry.sha256,
        entry.instance,
    )


def _keys(
    member: Member | None, discovery: Discovery, label: str, *, by_manifest: bool
) -> Iterator[str]:
    """What the instances of a header, in one top folder, share with others.

    A file of which a manifest says nothing may go with others of its PatientID.
    """
    if label:
        yield f"label {label}"
    if member is None:
        return

    instance = member.instance
    yield f"patient {own_key(member, discovery)}"
    yield f"study {instance.study_uid}"
    yield f"series {instance.series_uid}"
    if by_manifest:
        yield f"number {instance.patient_id.strip()}"


def _join_copies(sets: _Sets, nodes: Ints, uids: Ints) -> None:
    """Join nodes that hold instances with one SOP Instance UID."""
    order = np.argsort(uids, kind="stable")
    sorted_uids = uids[order]
    sorted_nodes = nodes[order]
    is_copy = sorted_uids[1:] == sorted_uids[:-1]
    is_elsewhere = sorted_nodes[1:] != sorted_nodes[:-1]
    is_tied = is_copy & is_elsewhere
    for place in np.flatnonzero(is_tied):
        node = int(sorted_nodes[place])
        other = int(sorted_nodes[place + 1])
        sets.join(node, other)


def _parts(numbers: Ints, roots: Ints) -> Iterator[list[int]]:
    order = np.argsort(roots, kind="stable")
    sorted_roots = roots[order]
    is_border = sorted_roots[1:] != sorted_roots[:-1]
    borders = np.flatnonzero(is_border) + 1
    parts = np.split(order, borders)
    for part in parts:
        if not len(part):
            continue
        piece: list[int] = numbers[part].tolist()
        yield piece
