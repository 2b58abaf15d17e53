"""The compiled module: intrinsics are inlined into the entries that were chosen at run time, and nowhere else."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from goldfish import _core


@pytest.mark.skipif(shutil.which("nm") is None, reason="nm, of binutils, is not installed")
def test_no_intrinsic_was_left_as_a_function() -> None:
    """An intrinsic with a symbol of its own is called, not inlined: its kernel lacks the feature and crawls."""
    listing = subprocess.run(["nm", "-C", _core.__file__], capture_output=True, text=True, check=True).stdout
    assert "goldfish_core::simd" in listing, "the module carries no symbols, so this test can see nothing"
    # The detection of features itself reads a register of the processor; that is not a kernel's.
    leaked = [line for line in listing.splitlines() if "core_arch::x86" in line and "_xgetbv" not in line]
    assert not leaked, "\n".join(leaked[:20])
