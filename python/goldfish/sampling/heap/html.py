"""The table as a page that needs no other file."""

from __future__ import annotations

import os
from html import escape
from typing import TYPE_CHECKING

from goldfish._files import write_atomically
from goldfish.sampling.heap.table import Row
from goldfish.sampling.heap.units import amount, label, percent

if TYPE_CHECKING:
    from goldfish.sampling.heap.profile import HeapProfile

_STYLE = """
:root { color-scheme: light dark; --paper: #faf8f4; --card: #fff; --ink: #221d18; --muted: #6c6258; --grid: #e5ded4;
  --bar: #2b8ba3; --whisker: #221d18; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171a; --card: #1c2024; --ink: #ece7e0; --muted: #a79e94;
  --grid: #353b41; --bar: #3f93a8; --whisker: #ece7e0; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 2rem 1.25rem 4rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; }
h1 { font-size: 1.8rem; letter-spacing: -0.02em; margin: 0 0 0.4rem; overflow-wrap: anywhere; }
p { max-width: 48rem; color: var(--muted); margin: 0 0 0.8rem; }
.wide { overflow-x: auto; margin-top: 1.4rem; background: var(--card); border: 1px solid var(--grid);
  border-radius: 0.7rem; padding: 0.4rem 1rem; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.92rem; }
th, td { padding: 0.45rem 0.5rem; border-bottom: 1px solid var(--grid); text-align: left; }
tbody tr:last-child > * { border-bottom: 0; }
thead th { color: var(--muted); font-weight: 500; font-size: 0.85rem; }
tbody th { font-weight: 600; overflow-wrap: anywhere; min-width: 12rem; }
.number { text-align: right; white-space: nowrap; }
.few { color: var(--muted); }
svg { display: block; width: 16rem; height: 1.1rem; }
.bar { fill: var(--bar); }
.whisker { stroke: var(--whisker); stroke-width: 1.5; fill: none; }
"""


def write(
    profile: HeapProfile,
    path: str | os.PathLike[str],
    *,
    by: str,
    metric: str,
    cumulative: bool,
    top: int,
    title: str,
) -> None:
    """Write the page; see `HeapProfile.to_html`."""
    everything = profile.table(by, metric, cumulative)
    rows = everything[:top]
    total = profile.total(metric)
    low, high = total.interval()
    widest = max((row.hi for row in rows), default=1.0)
    body = "\n".join(_row(row, metric, widest) for row in rows)
    left_out = f" The other {len(everything) - top} rows are left out." if len(everything) > top else ""
    notes = "".join(f"<p>{escape(note)}</p>\n" for note in profile.notes)
    limit = f"A {by} that is not listed may hold up to {amount(profile.detection_limit(), 'space')} in small objects."
    page = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{escape(title)}</h1>
<p>{escape(metric)} by {escape(by)}{", with callees" if cumulative else ""}: {amount(total.value, metric)} in total
(95 % confidence: {amount(low, metric)} to {amount(high, metric)}), one sample every {amount(profile.rate, "space")} on
average. Bars are estimates, whiskers 95 % confidence intervals.</p>
<p>{escape(limit)}{left_out}</p>
{notes}<div class="wide"><table>
<thead><tr><th>{escape(by)}</th><th class="number">estimate</th><th class="number">± error</th><th></th>
<th class="number">95 % interval</th><th class="number">samples</th><th class="number">share</th></tr></thead>
<tbody>
{body}
</tbody>
</table></div>
</body>
</html>
"""
    write_atomically(path, [page.encode("utf-8", "replace")])


def _row(row: Row, metric: str, widest: float) -> str:
    few = ' class="few"' if row.raw_samples < 5 else ""
    interval = f"{amount(row.lo, metric)} – {amount(row.hi, metric)}"
    return (
        f"<tr{few}><th>{escape(label(row.key))}</th>"
        f'<td class="number">{amount(row.estimate, metric)}</td><td class="number">{amount(row.se, metric)}</td>'
        f"<td>{_picture(row, widest, interval)}</td>"
        f'<td class="number">{interval}</td><td class="number">{row.raw_samples}</td>'
        f'<td class="number">{percent(row.share)} ± {percent(row.share_se)}</td></tr>'
    )


def _picture(row: Row, widest: float, interval: str) -> str:
    """A bar, and its interval as a whisker."""
    scale = 240 / widest if widest > 0 else 0.0
    estimate, low, high = (round(value * scale, 1) for value in (row.estimate, row.lo, row.hi))
    return (
        f'<svg viewBox="-2 0 250 18" role="img" aria-label="{interval}"><rect class="bar" y="3" width="{estimate}" '
        f'height="12" rx="2"/><path class="whisker" d="M{low} 9H{high}M{low} 5v8M{high} 5v8"/></svg>'
    )
