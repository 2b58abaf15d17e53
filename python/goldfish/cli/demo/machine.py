"""What the numbers were measured on."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path

import numpy as np

from goldfish import _core


def describe() -> dict[str, str]:
    """The processor and the software.

    Returns
    -------
    dict of str to str
        By what a reader would call it.

    Examples
    --------
    >>> sorted(describe())
    ['NumPy', 'Processor', 'Python', 'goldfish']
    """
    config = _core.config()
    return {
        "Processor": _processor(),
        "goldfish": f"{config['version']}, {config['instruction_set']}, threads: {config['threads']}",
        "NumPy": np.__version__,
        "Python": f"{platform.python_version()} on {platform.system()}",
    }


def busy_seconds() -> float:
    """The time that all processors together have worked since the system started, whoever they worked for.

    Returns
    -------
    float
        Seconds; that of this process alone where the system does not tell.

    Examples
    --------
    >>> busy_seconds() > 0
    True
    """
    try:
        ticks = [int(word) for word in Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]]
    except OSError:
        return time.process_time()
    user, nice, system, _idle, _waiting, interrupts, soft_interrupts, stolen = ticks
    return (user + nice + system + interrupts + soft_interrupts + stolen) / os.sysconf("SC_CLK_TCK")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
