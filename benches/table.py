"""Write benches/README.md and the README's table from the figures in benches/results."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from verdict import LAID_OUT, against_best, verdicts

BENCHES = Path(__file__).parent
RESULTS = BENCHES / "results"
README = BENCHES.parent / "README.md"
START, END = "<!-- bench:start -->", "<!-- bench:end -->"

TITLES = {
    "native-default": "As a user sees it",
    "native-tuned": "With an allocator that keeps its pages",
    "avx2-default": "AVX2, as on processors without AVX-512",
    "avx2-tuned": "AVX2, with an allocator that keeps its pages",
}
KINDS = {
    "convolution": "Convolution",
    "pool": "Pooling",
    "recurrent": "Recurrent",
    "pointwise": "Element by element",
    "network": "Convolutional networks (forward: inference, prepared; gradients: a step of the optimiser, or an epoch)",
    "character": "Character models (forward: 64 characters sampled one at a time; gradients: a step of the optimiser)",
}
MODES = {"forward": "forward", "training": "forward and gradients"}
FRONT_THREADS = 2

Record = dict[str, Any]


def main() -> int:
    """Rewrite both pages."""
    results = read_results()
    if not results:
        print("no results yet: run `python benches/against.py --json benches/results` first", file=sys.stderr)
        return 1
    (BENCHES / "README.md").write_text(every_row(results), encoding="utf-8")
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(START, 1)
    after = rest.split(END, 1)[1]
    README.write_text(f"{before}{START}\n{front_page(results)}{END}{after}", encoding="utf-8")
    return 0


def read_results(folder: Path = RESULTS) -> dict[str, Record]:
    """Return the files' contents by setting, in the order of TITLES."""
    files = {name: folder / f"{name}.json" for name in TITLES}
    return {name: json.loads(path.read_text(encoding="utf-8")) for name, path in files.items() if path.exists()}


def front_page(results: dict[str, Record]) -> str:
    """Return the README's table: one line a row, both passes, at two threads."""
    setting = next(iter(results))
    pairs: dict[str, dict[str, Record]] = {}
    for record in results[setting]["rows"]:
        if record["threads"] == FRONT_THREADS:
            pairs.setdefault(record["name"], {})[record["mode"]] = record
    header = ("row", "forward", "best peer / ours", "forward + gradients", "best peer / ours", "NumPy / ours, forward")
    lines = [
        [f"`{name}`", *_cells(modes.get("forward")), *_cells(modes.get("training")), _numpy(modes.get("forward"))]
        for name, modes in pairs.items()
    ]
    judged = [against_best(record) for modes in pairs.values() for record in modes.values()]
    lost = sum(verdict.lost for verdict in judged)
    summary = f"{len(judged) - lost} of {len(judged)} figures won, {lost} lost (in bold)."
    return f"{_table(header, lines)}\n{summary} {_machine(results[setting])}\n"


def _cells(record: Record | None) -> tuple[str, str]:
    if record is None:
        return "", ""
    verdict = against_best(record)
    ratio = f"**{verdict.ratio:.2f}**" if verdict.lost else f"{verdict.ratio:.2f}"
    void = " (disturbed)" if record["void"] else ""
    return _time(record["contenders"]["goldfish"]["seconds"]), f"{ratio} {verdict.peer}{void}"


def _numpy(record: Record | None) -> str:
    figures = record["contenders"].get("NumPy") if record else None
    return f"{figures['ratio']:.1f}" if figures else ""


def every_row(results: dict[str, Record]) -> str:
    """Return benches/README.md."""
    parts = [
        "# Every row\n",
        "Written by `benches/table.py` from `benches/results/`; the method is in [docs/benchmarks.md]"
        "(../docs/benchmarks.md), the sizes are in [shapes.toml](shapes.toml).\n",
        "A ratio is the peer's time over ours in the same block, the median over the blocks, their range in brackets:"
        " above 1 we are faster. *Floor* is the ratio to the best peer (or, with `cl`, to torch on channels_last"
        " tensors) below which a kernel is not done; a missed floor is bold. *Error* is ours against float64, the"
        " largest difference over the largest value. `faults` after a peer counts its page faults per call.\n",
    ]
    for setting, content in results.items():
        parts.append(f"## {TITLES[setting]}\n\n{_machine(content)}\n")
        for kind, title in KINDS.items():
            rows = [record for record in content["rows"] if record["kind"] == kind]
            if rows:
                parts.append(f"### {title}\n\n{_full_table(rows, setting.split('-')[0])}")
    return "\n".join(parts)


def _full_table(rows: list[Record], simd: str) -> str:
    header = ("row", "pass", "threads", "ours", "torch", LAID_OUT, "ONNX Runtime", "NumPy", "floor", "error")
    return _table(header, [_full_line(record, simd) for record in rows])


def _full_line(record: Record, simd: str) -> list[str]:
    contenders = record["contenders"]
    own = contenders["goldfish"]
    torch = [_ratio(figures) for name, figures in contenders.items() if name == "torch"]
    torch += [f"{_ratio(figures)} with 1 thread" for name, figures in contenders.items() if name == "torch, 1 thread"]
    void = f" (disturbed: others took {record['foreign_share']:.0%})" if record["void"] else ""
    return [
        f"`{record['name']}`",
        MODES[record["mode"]],
        str(record["threads"]),
        _time(own["seconds"]) + void,
        ", ".join(torch),
        *(_ratio(contenders.get(name)) for name in (LAID_OUT, "ONNX Runtime", "NumPy")),
        _floors(record, simd),
        f"{own['error']:.0e}",
    ]


def _floors(record: Record, simd: str) -> str:
    cells = []
    for verdict in verdicts(record, simd):
        text = f"{verdict.floor:.3g}" + (" cl" if verdict.peer == LAID_OUT else "")
        cells.append(f"**{text}**" if verdict.missed else text)
    return ", ".join(cells)


def _ratio(figures: Record | None) -> str:
    if figures is None:
        return ""
    spread = f"{figures['ratio']:.2f} [{figures['ratio_low']:.2f}, {figures['ratio_high']:.2f}]"
    return f"{spread}, {figures['faults']} faults" if figures["faults"] else spread


def _time(seconds: float) -> str:
    return f"{1e6 * seconds:.3g} µs" if seconds < 1e-3 else f"{1e3 * seconds:.3g} ms"


def _machine(content: Record) -> str:
    machine = content["machine"]
    peers = ", ".join(f"{name} {version}" for name, version in machine["peers"].items())
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, {machine['instruction_set']};"
        f" goldfish {machine['goldfish']}, {peers}, Python {machine['python']}; {machine['date']}."
    )


def _table(header: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    columns = list(header)
    rows = [columns, ["---"] * len(columns), *lines]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


if __name__ == "__main__":
    sys.exit(main())
