"""profile.proto: from columns to counts.

The wire format is read by our own reader, ``src/sampling``, some 500 lines of safe Rust, and not by the ``protobuf``
package: it takes time and memory in proportion to the bytes whatever they say (no objects per message: 50 MB in a
fraction of a second), its errors know offset and field, and nothing has to be installed or imported.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from goldfish import _core
from goldfish.sampling._checks import Floats
from goldfish.sampling.errors import ProfileFormatError
from goldfish.sampling.heap.counts import Counts, recover
from goldfish.sampling.heap.frames import Function, Mapping, Stacks
from goldfish.sampling.heap.parts import Origin
from goldfish.sampling.heap.profile import HeapProfile

# Sample types that mean something here; the short names are those of C++ programs.
_METRICS = {
    ("alloc_objects", "count"): "alloc_objects",
    ("alloc_space", "bytes"): "alloc_space",
    ("inuse_objects", "count"): "inuse_objects",
    ("inuse_space", "bytes"): "inuse_space",
    ("objects", "count"): "inuse_objects",
    ("space", "bytes"): "inuse_space",
}


def read(data: bytes, rate: float | None) -> HeapProfile:
    """Read uncompressed bytes; see `read_heap_profile`."""
    try:
        columns = _core.read_profile(data)
    except ValueError as error:
        raise ProfileFormatError(*error.args) from None
    strings: list[str] = columns["strings"]
    metrics = _metrics(strings, columns["sample_types"])
    mean = float(_period(strings, columns) if rate is None else rate)
    values = columns["values"].reshape(len(columns["stack_end"]), len(columns["sample_types"]))
    if (values < 0).any():
        record = int(np.argwhere(values < 0)[0, 0])
        message = "a negative value: a difference of two profiles has no sampling error; read both and compare them"
        raise ProfileFormatError(message, int(columns["sample_offset"][record]), "sample.value")
    stored = {metric: values[:, column].astype(np.float64) for metric, column in metrics.items()}
    families = _families(stored, columns, mean)
    notes = []
    if not all(counts.exact.all() for counts in families.values()):
        notes.append(
            "Some numbers are no whole counts of samples (a merged profile, or another producer than Go): their errors "
            "are approximate."
        )
    origin = Origin(
        time_nanos=columns["time_nanos"],
        duration_nanos=columns["duration_nanos"],
        comments=tuple(strings[i] for i in columns["comments"]),
        default_metric=strings[columns["default_sample_type"]],
        stored={metric: values[:, column] for metric, column in metrics.items()},
    )
    return HeapProfile(
        rate=int(mean) if mean.is_integer() else mean,
        sample_types=tuple(metrics),
        families=families,
        stacks=_stacks(strings, columns),
        counts_exact=not notes,
        notes=tuple(notes),
        origin=origin,
    )


def _metrics(strings: list[str], sample_types: list[list[int]]) -> dict[str, int]:
    """The columns that hold bytes and objects, by metric."""
    found = [(strings[kind], strings[unit]) for kind, unit in sample_types]
    metrics: dict[str, int] = {}
    for column, pair in enumerate(found):
        metric = _METRICS.get(pair)
        if metric in metrics:
            raise ProfileFormatError(f"two sample types mean {metric}", 0, "sample_type")
        if metric:
            metrics[metric] = column
    metrics = {name: column for name, column in metrics.items() if f"{name.split('_')[0]}_space" in metrics}
    if not metrics:
        types = ", ".join("/".join(pair) for pair in found) or "none at all"
        raise ProfileFormatError(
            f"this is no heap profile: it has the sample types {types} instead of alloc_space or inuse_space in bytes",
            0,
            "sample_type",
        )
    return metrics


def _period(strings: list[str], columns: dict[str, Any]) -> int:
    period: int = columns["period"]
    kind = tuple(strings[i] for i in columns["period_type"])
    if kind not in (("space", "bytes"), ("", "")):
        message = f"the period counts {'/'.join(kind)} instead of space/bytes; pass rate="
        raise ProfileFormatError(message, columns["period_offset"], "period_type")
    if period <= 0:
        message = f"the sampling period is {period}; pass rate=, the mean number of bytes between samples"
        raise ProfileFormatError(message, columns["period_offset"], "period")
    return period


def _families(stored: dict[str, Floats], columns: dict[str, Any], rate: float) -> dict[str, Counts]:
    block = columns["block"].astype(np.float64)
    families = {}
    for family in ("alloc", "inuse"):
        space, objects = stored.get(f"{family}_space"), stored.get(f"{family}_objects")
        if space is None:
            continue
        if objects is None and ((block <= 0) & (space > 0)).any():
            record = int(np.argmax((block <= 0) & (space > 0)))
            message = f"{family}_space without {family}_objects or a label with the size of the objects"
            raise ProfileFormatError(message, int(columns["sample_offset"][record]), "sample_type")
        families[family] = recover(objects, space, block, rate)
    return families


def _stacks(strings: list[str], columns: dict[str, Any]) -> Stacks:
    functions = zip(
        *(columns[f"function_{name}"].tolist() for name in ("name", "system_name", "filename", "start_line")),
        strict=True,
    )
    mappings = zip(
        *(columns[f"mapping_{name}"].tolist() for name in ("start", "limit", "offset", "filename", "build_id")),
        strict=True,
    )
    return Stacks(
        end=columns["stack_end"],
        locations=columns["stack"],
        address=columns["location_address"],
        mapping=columns["location_mapping"],
        line_end=columns["line_end"],
        line_function=columns["line_function"],
        line_number=columns["line_number"],
        functions=[Function(strings[a], strings[b], strings[c], line) for a, b, c, line in functions],
        mappings=[Mapping(a, b, c, strings[d], strings[e]) for a, b, c, d, e in mappings],
    )
