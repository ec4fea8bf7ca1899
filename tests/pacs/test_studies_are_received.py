"""What is acknowledged is on the disk, once, and is handed on when its study is complete."""

from __future__ import annotations

import io
import os
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pynetdicom import AE

from deidflow.errors import ConfigError, ReleaseBusy
from deidflow.pacs.handover import Follower, hand_on_complete
from deidflow.pacs.instance import read_received
from deidflow.pacs.receiver import Received, receiving
from deidflow.pacs.spool import Kept, Spool
from deidflow.settings.input import InputSettings
from deidflow.settings.pacs import required_receive
from tests.commands import command_line
from tests.pacs.archive import digests, study
from tests.pacs.conftest import Site
from tests.pacs.proxy import Proxy
from tests.synthetic import MR


@contextmanager
def received(site: Site, **pacs: Any) -> Iterator[tuple[Spool, Received]]:
    settings = site.settings(**pacs)
    spool, counts = Spool.of(settings), Received()
    with receiving(settings.pacs, required_receive(settings.pacs), spool, counts):
        yield spool, counts


@contextmanager
def sender(site: Site, title: str = "SCANNER", called: str = "DEIDFLOW") -> Iterator[Any]:
    entity = AE(ae_title=title)
    entity.add_requested_context(MR, ["1.2.840.10008.1.2.1"])
    association = entity.associate("127.0.0.1", site.port, ae_title=called)
    yield association
    if association.is_established:
        association.release()


def _read(content: bytes) -> pydicom.Dataset:
    return pydicom.dcmread(io.BytesIO(content))


def store(association: Any, content: bytes, **changes: Any) -> int:
    header = _read(content)
    for keyword, value in changes.items():
        setattr(header, keyword, value)
    return int(association.send_c_store(header).Status)


def test_a_study_gathers_and_late_instances_follow(site: Site) -> None:
    files = study(1, 4)
    limits = {"port": site.port, "allow": ["SCANNER"], "quiet_minutes": 5}
    with received(site, receive=limits) as (spool, _), sender(site) as association:
        assert [store(association, content) for content in files[:3]] == [0, 0, 0]
        asked = required_receive(site.settings(receive=limits).pacs)
        assert not hand_on_complete(spool, asked, time.time())
        assert hand_on_complete(spool, asked, time.time() + 301) == 1
        assert store(association, files[3]) == 0
        assert store(association, files[0]) == 0, "acknowledged, though it was handed on"
        assert hand_on_complete(spool, asked, time.time() + 301) == 1

    assert digests(site.handed_on()) == digests(files)
    batches = {path.parent.name for path in site.source.rglob("*.dcm")}
    assert batches == {"001", "002"}
    names = " ".join(str(path.relative_to(site.root)) for path in site.root.rglob("*"))
    assert "1.2.3" not in names and "PID" not in names
    assert all(path.stat().st_mode & 0o077 == 0 for path in site.source.rglob("*"))


def test_a_study_that_is_never_quiet_is_handed_on_at_last(site: Site) -> None:
    limits = {"port": site.port, "allow": ["SCANNER"], "quiet_minutes": 5, "longest_minutes": 10}
    with received(site, receive=limits) as (spool, _), sender(site) as association:
        store(association, study(1)[0])
        asked = required_receive(site.settings(receive=limits).pacs)
        first = next((site.root / ".source-spool.deidflow").rglob("*.dcm"))
        os.utime(first, (time.time() - 660,) * 2)
        store(association, study(1)[1])
        assert hand_on_complete(spool, asked, time.time()) == 1


def test_another_copy_of_an_instance_does_not_replace_it(site: Site) -> None:
    content = study(1)[0]
    with received(site) as (_, counts), sender(site) as association:
        assert store(association, content) == 0
        assert store(association, content, PatientID="SOMEBODY ELSE") == 0xC001
        assert store(association, content) == 0
    kept = [path.read_bytes() for path in site.root.rglob("*.dcm")]
    assert digests(kept) == digests([content])
    assert counts.counts() == {
        "duplicate, acknowledged": 1,
        "refused: another copy is here": 1,
        "stored": 1,
    }


def test_a_bad_instance_costs_itself_only(site: Site) -> None:
    good, other, *_ = study(1)
    with received(site) as (_, counts), sender(site) as association:
        assert store(association, good, StudyInstanceUID="") == 0xC000
        assert store(association, good) == 0
        assert store(association, other) == 0
    assert counts.refused() == 1
    assert len(list(site.root.rglob("*.dcm"))) == 2


def test_an_instance_that_is_cut_short_leaves_nothing(site: Site) -> None:
    with received(site) as (_, counts):
        proxy = Proxy(site.port, [700])
        cut = AE(ae_title="SCANNER")
        cut.add_requested_context(MR, ["1.2.840.10008.1.2.1"])
        association = cut.associate("127.0.0.1", proxy.port, ae_title="DEIDFLOW")
        assert "Status" not in association.send_c_store(_read(study(1)[0]))
        assert not list(site.root.rglob("*.dcm"))
        assert counts.counts() == {}
        with sender(site) as again:
            assert store(again, study(1)[0]) == 0


def test_only_those_on_the_list_are_let_in(site: Site) -> None:
    with received(site):
        for title, called in (("STRANGER", "DEIDFLOW"), ("SCANNER", "SOMEONE")):
            with sender(site, title, called) as association:
                assert association.is_rejected
    with pytest.raises(ConfigError, match=r"pacs\.receive\.allow"):
        required_receive(site.settings(receive={"port": site.port}).pacs)


def test_one_receiver_per_spool(site: Site) -> None:
    with received(site), pytest.raises(ReleaseBusy, match="spool"), received(site):
        pass


def test_a_full_disk_is_not_acknowledged(site: Site) -> None:
    content = study(1)[0]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with received(site) as (spool, counts), sender(site) as association:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(content) // 2, hard))
        try:
            assert store(association, content) == 0xA700
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert not list((spool.folder / "parts").iterdir()), "half a file needs space too"
        assert store(association, content) == 0
    assert counts.counts() == {"refused: no space, or not writable": 1, "stored": 1}


def test_a_study_whose_sender_gives_up_is_completed_by_the_next(site: Site) -> None:
    files = study(1)
    with received(site) as (spool, counts):
        with sender(site) as association:
            assert store(association, files[0]) == 0
            association.abort()
        with sender(site) as association:
            assert [store(association, content) for content in files] == [0, 0, 0]
    assert spool.instances("1.2.3.1") == 3
    assert counts.counts() == {"duplicate, acknowledged": 1, "stored": 3}


def test_what_was_acknowledged_outlives_a_kill(site: Site) -> None:
    site.write()
    command = [Path(sys.executable).with_name("deidflow"), "receive", "--config", site.config]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "receiving as DEIDFLOW" in process.stdout.readline()
        with sender(site) as association:
            assert store(association, study(1)[0]) == 0
            process.send_signal(signal.SIGKILL)
            process.wait()

    result = command_line("receive", "--config", site.config, "--seconds", "2")
    assert result.returncode == 0, result.stderr
    assert "studies handed on: 1" in result.stdout
    assert digests(site.handed_on()) == digests(study(1)[:1])


def test_instances_that_come_while_their_study_is_handed_on(site: Site) -> None:
    spool = Spool.of(site.settings())
    files = study(1, 80)
    name = spool.study_name("1.2.3.1")
    with ThreadPoolExecutor(4) as threads:
        kept = [threads.submit(spool.keep, read_received(content)) for content in files]
        while not all(one.done() for one in kept):
            spool.hand_on(name)
    spool.hand_on(name)
    assert {one.result() for one in kept} == {Kept.STORED}
    assert digests(site.handed_on()) == digests(files)
    assert spool.instances("1.2.3.1") == 80
    assert len({path.parent for path in site.source.rglob("*.dcm")}) > 1
    assert not list((spool.folder / "parts").iterdir())


def test_one_instance_from_many_at_once(site: Site) -> None:
    spool = Spool.of(site.settings())
    instance = read_received(study(1)[0])
    with ThreadPoolExecutor(8) as threads:
        kept = Counter(threads.map(spool.keep, [instance] * 24))
    assert kept == {Kept.STORED: 1, Kept.DUPLICATE: 23}


def test_what_a_killed_receiver_was_writing_goes_after_a_while(site: Site) -> None:
    spool = Spool.of(site.settings())
    old, fresh = spool.folder / "parts" / "old", spool.folder / "parts" / "fresh"
    for path in (old, fresh):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    with received(site):
        assert not old.exists() and fresh.exists()


def test_a_run_that_cannot_start_stays_due() -> None:
    follower = Follower(lambda: None, due=True)
    follower.look()
    assert follower.due


def test_a_run_follows_and_another_for_what_came_meanwhile() -> None:
    started: list[int] = []
    over = [False]

    def start() -> Any:
        started.append(1)
        return lambda: over[0]

    follower = Follower(start, due=True)
    follower.look()
    follower.due = True
    follower.look()
    assert len(started) == 1, "the first run is still at work"
    over[0] = True
    follower.look()
    assert len(started) == 2
    follower.look()
    assert len(started) == 2


def test_a_spool_of_its_own(site: Site) -> None:
    for place in ("source/spool", "vault/spool", "release"):
        with pytest.raises(ConfigError, match=r"pacs\.spool"):
            Spool.of(site.settings(spool=str(site.root / place)))
    listed = site.settings().model_copy(update={"input": InputSettings(paths=("a",))})
    with pytest.raises(ConfigError, match="folder as 'source'"):
        Spool.of(listed)
