"""What the numbers were measured on."""

from __future__ import annotations

import platform
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


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
