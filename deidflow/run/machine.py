"""How much of the machine a run takes: subjects at work at once, and memory per working process."""

from __future__ import annotations

import os

from deidflow.settings.run import PlanSettings
from deidflow.store.process import LEAST_MEMORY, machine_memory, memory_for


def worker_count(settings: PlanSettings) -> int:
    """The requested number of workers, else one per core, limited to one per 2 GiB of memory."""
    if settings.workers:
        return settings.workers
    cores = len(os.sched_getaffinity(0))
    return max(1, min(cores, machine_memory() // LEAST_MEMORY))


def memory_limit(settings: PlanSettings) -> int:
    """Bytes of memory that one working process may have."""
    if settings.memory_gib:
        return int(settings.memory_gib * (1 << 30))
    return memory_for(worker_count(settings))
