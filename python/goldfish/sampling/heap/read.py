"""Files and bytes: which format, decompressed within limits."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

from goldfish.sampling import _checks
from goldfish.sampling.errors import ProfileFormatError
from goldfish.sampling.heap import proto, text
from goldfish.sampling.heap.profile import HeapProfile

# Larger content is refused before it is decompressed; real profiles stay below a tenth of it.
_MOST_BYTES = 256 << 20
_GZIP = b"\x1f\x8b"


def read_heap_profile(path_or_bytes: str | os.PathLike[str] | bytes, *, rate: float | None = None) -> HeapProfile:
    r"""Read a sampled heap profile.

    The formats, recognised by their content, gzipped or not:

    * profile.proto, which Go writes (``pprof.WriteHeapProfile``, ``/debug/pprof/heap``). Its numbers are un-sampled
      already; the raw counts behind them are recovered, because the errors depend on them.
    * Go's legacy text (``/debug/pprof/heap?debug=1``): raw counts, symbols, and the exact totals of the program.
    * The text of gperftools and tcmalloc (``heap profile: ... @ heap_v2/524288``), raw counts without symbols.
    * jemalloc's text (``heap_v2/524288``), sums per stack. Their counts are close to, but not exactly, sample counts.

    Frames that belong to the allocator's own library (libtcmalloc, libjemalloc) are left out at the leaf.

    Parameters
    ----------
    path_or_bytes : path-like or bytes
        A file, or its content.
    rate : float, optional
        Mean bytes between samples, in place of what the profile says; needed if it says 0.

    Returns
    -------
    HeapProfile
        Tables, totals, comparisons and pictures with error bars.

    Raises
    ------
    ProfileFormatError
        A ValueError with the byte offset and the field: if the content is damaged, larger than 256 MiB, a difference of
        two profiles (negative numbers have no sampling error; use `HeapProfile.compare`), no heap profile (the message
        names the sample types that it has), or says no rate while none is given.
    ValueError
        If `rate` is not positive.
    OSError
        If the file cannot be read.

    Warns
    -----
    SamplingWarning
        If a file holds sums over objects of several sizes, un-sampled by their average, which is biased downward.

    References
    ----------
    https://github.com/google/pprof/blob/main/proto/profile.proto and profile/legacy_profile.go;
    https://github.com/jemalloc/jemalloc/blob/dev/doc_internal/PROFILING_INTERNALS.md.

    Examples
    --------
    >>> from goldfish import sampling
    >>> text = b"heap profile: 7: 7168 [9: 9216] @ heap/1048576\n7: 7168 [9: 9216] @ 0x4f6ea4\n"
    >>> profile = sampling.read_heap_profile(text)
    >>> row = profile.table()[0]
    >>> row.key, round(row.estimate), round(row.se), row.raw_samples
    ('0x4f6ea4', 3673601, 1387135, 7)
    """
    name = "read_heap_profile"
    if rate is not None:
        rate = _checks.positive(name, "rate", rate)
        if rate >= 2**63:
            raise ValueError(f"{name}: rate must be below 2**63, got {rate}")
    data = _content(path_or_bytes)
    if data.startswith(_GZIP):
        data = _decompress(data)
    if text.is_text(data):
        return text.read(data, rate)
    return proto.read(data, rate)


def _content(source: str | os.PathLike[str] | bytes) -> bytes:
    if isinstance(source, bytes | bytearray | memoryview):
        data = bytes(source)
    elif isinstance(source, str | os.PathLike):
        with Path(source).open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    else:
        raise TypeError(f"read_heap_profile: path_or_bytes must be a path or bytes, got {type(source).__name__}")
    if len(data) > _MOST_BYTES:
        raise ProfileFormatError(f"more than {_MOST_BYTES} bytes", _MOST_BYTES, "file")
    return data


def _decompress(data: bytes) -> bytes:
    """The content of one gzip member that ends where the file does."""
    stream = zlib.decompressobj(wbits=31)
    try:
        content = stream.decompress(data, _MOST_BYTES + 1)
    except zlib.error as error:
        raise ProfileFormatError(f"damaged gzip data ({error})", 0, "gzip") from None
    if len(content) > _MOST_BYTES:
        raise ProfileFormatError(f"more than {_MOST_BYTES} bytes after decompression", _MOST_BYTES, "gzip")
    if not stream.eof:
        raise ProfileFormatError("the gzip data is cut off", len(data), "gzip")
    if stream.unused_data:
        offset = len(data) - len(stream.unused_data)
        raise ProfileFormatError("something follows the gzip data; several profiles in one file?", offset, "gzip")
    return content
