"""The report: one page that needs no other file."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape

from goldfish.cli import brand
from goldfish.cli.demo import figures, stack
from goldfish.cli.demo.digits import Digits
from goldfish.cli.demo.kernels import Kernels, Timing
from goldfish.cli.demo.language import Language
from goldfish.cli.demo.parts import Parts
from goldfish.cli.demo.recitation import Recitation, Shape


def page(parts: Parts) -> str:
    """Write the page.

    Parameters
    ----------
    parts : Parts
        Every number and picture comes from here.

    Returns
    -------
    str
        HTML with its style and pictures inside, well-formed as XML too.
    """
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>goldfish: the demo's report</title>
<style>
{brand.style()}</style>
</head>
<body>
{_header(parts)}
<main>
{_digits(parts.digits)}
{_language(parts.language)}
{_recitation(parts.recitation)}
{_kernels(parts.kernels, _disturbance(parts))}
</main>
{_footer(parts)}
</body>
</html>
"""


def _header(parts: Parts) -> str:
    cards = "".join(
        f'<div class="card"><dt>{escape(line.name)}</dt><dd class="value">{escape(_typeset(line.value))}</dd>'
        f'<dd class="note">{escape(line.note)}</dd></div>'
        for line in parts.headlines()
    )
    warning = "<p>This was a quick run: sizes are small and the networks know little.</p>" if parts.quick else ""
    return f"""<header>
<div class="brand">{brand.FISH}<span>goldfish</span></div>
<h1>Two networks, trained here in {parts.digits.seconds + parts.language.seconds:.0f} seconds</h1>
<p class="lede">A convolutional network reads handwriting, a recurrent network writes English. Both learned on this
computer's processor a moment ago, from data that was already on its disk. Every number and picture below comes from
that run.</p>
{warning}<dl class="cards">{cards}</dl>
<nav aria-label="Sections"><a href="#digits">Handwritten digits</a><a href="#language">A page of English</a>
<a href="#recitation">A network counted by hand</a><a href="#kernels">Kernels beside NumPy</a>
<a href="#machine">The machine</a></nav>
</header>"""


def _digits(part: Digits) -> str:
    wrong = len(part.misread)
    mistakes = f"The most confident of the {wrong} mistakes." if wrong else "No digit was misread."
    learning = figures.curves(
        "learning",
        f"Training loss by epoch on a logarithmic scale, from {part.loss[0]:.3f} to {part.loss[-1]:.4f} nats",
        [("training loss", part.loss)],
        xlabel="epoch",
        ylabel="cross-entropy, nats",
        log=True,
    )
    pictures = [
        (
            "What it looks for",
            figures.filters(part.filters),
            "The filters of the first layer, learned from nothing but the labels: orange weights look for ink, blue "
            "ones for paper.",
        ),
        (
            "How it learned",
            learning,
            f"{part.epochs} passes over the training images; the vertical axis is logarithmic.",
        ),
        (
            "What it mixes up",
            figures.confusion(part.confusion),
            "Rows: the digit written; columns: the digit read. Blue cells are right, orange ones wrong.",
        ),
    ]
    if wrong:
        pictures.append(("Where it fails", figures.misread(part.misread), mistakes))
    return f"""<section id="digits">
<h2>Handwritten digits: {part.accuracy:.1%} of unseen images read right</h2>
<p>scikit-learn ships {part.train_images + part.test_images:,} digits of 8 × 8 pixels, written by many hands. The
network, a <code>ConvNetClassifier</code> of {part.parameters:,} parameters, saw {part.train_images:,} of them; it is
judged on the other {part.test_images}. Training took {part.seconds:.1f} seconds. {mistakes if not wrong else ""}</p>
{_grid(pictures)}
</section>"""


def _language(part: Language) -> str:
    gap = part.ngram_bits - part.lstm_bits
    verdict = (
        f"The network needs {gap:.2f} bits less than the 5-gram for each character it has never seen."
        if gap > 0
        else f"The 5-gram wins this time: the network needs {-gap:.2f} bits more for each unseen character."
    )
    compared = figures.bars(
        "bits",
        f"Bits per character of unseen text: alphabet {part.uniform_bits:.2f}, frequencies {part.unigram_bits:.2f}, "
        f"5-gram {part.ngram_bits:.2f}, LSTM {part.lstm_bits:.2f}",
        [
            ("bare alphabet", part.uniform_bits),
            ("frequencies", part.unigram_bits),
            ("5-gram", part.ngram_bits),
            ("LSTM", part.lstm_bits),
        ],
        best="LSTM",
        unit="bits per character of unseen text; less is better",
    )
    learning = figures.curves(
        "language-learning",
        f"Bits per character by epoch: training from {part.loss[0]:.2f} to {part.loss[-1]:.2f}, validation to "
        f"{min(part.validation):.2f}; the 5-gram stands at {part.ngram_validation_bits:.2f} on the validation text",
        [("training", part.loss), ("validation", part.validation)],
        xlabel="epoch",
        ylabel="bits per character",
        level=("5-gram, validation", part.ngram_validation_bits),
    )
    pictures = [
        (
            "How surprised is it?",
            compared,
            f"A perfect guesser would need 0. Both models know the same {part.train_characters:,} characters and are "
            f"tested on {part.test_characters:,} from other topics.",
        ),
        (
            "How it learned",
            learning,
            f"{part.epochs} passes in {part.seconds:.0f} seconds. The 5-gram, interpolated Witten-Bell, is counted in "
            f"{part.ngram_seconds:.2f} seconds.",
        ),
    ]
    return f"""<section id="language">
<h2>A page of English: {part.lstm_bits:.2f} bits per character</h2>
<p>Every Python carries its own manual: the help texts of <code>pydoc_data.topics</code>. An LSTM with
{part.hidden_size} cells and {part.parameters:,} parameters read them character by character, through windows of
{part.truncate} with its state carried on, and learned to guess the next of {part.alphabet} characters. {verdict}</p>
{_grid(pictures)}
<div class="grid">
<figure><h3>The LSTM writes</h3><blockquote>{escape(part.sample)}</blockquote>
<figcaption>Sampled at temperature {part.temperature}: every character is drawn from what the network expects, and fed
back.</figcaption></figure>
<figure><h3>The 5-gram writes</h3><blockquote>{escape(part.ngram_sample)}</blockquote>
<figcaption>Drawn the same way. It remembers four characters.</figcaption></figure>
</div>
</section>"""


def _recitation(part: Recitation) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(row.name)}<small><code>{escape(row.layer)}</code></small></th>'
        f'<td class="number">{_shape(row.shape)}</td>{_share(row.parameters, part.parameters)}'
        f"{_share(row.multiply_adds, part.multiply_adds)}</tr>"
        for row in part.rows
    )
    visible = [("image", part.input_shape), *((row.name, row.shape) for row in part.rows)]
    stages = [stage for before, stage in zip([("", ()), *visible], visible, strict=False) if stage[1] != before[1]]
    rate = part.step_operations / part.step_seconds / 1e9
    learning = figures.curves(
        "steps",
        f"Loss by training step, from {part.losses[0]:.2f} to {part.losses[-1]:.2f} nats",
        [("loss", part.losses)],
        xlabel="step",
        ylabel="cross-entropy, nats",
    )
    widest = max(part.rows, key=lambda row: row.multiply_adds)
    pictures = [
        (
            "What it sees",
            figures.images(part.examples),
            "Stripes of any width and colour under noise; their direction is the class, one of ten.",
        ),
        (
            "It learns",
            learning,
            f"{len(part.losses)} steps, every one on fresh images; guessing "
            f"costs {math.log(10):.2f} nats. One step takes {part.step_seconds * 1e3:.0f} ms for {part.batch} images: "
            f"about {rate:.0f} billion additions and multiplications per second.",
        ),
    ]
    return f"""<section id="recitation">
<h2>A network counted by hand: {part.parameters:,} parameters</h2>
<p>Small enough for pencil and paper, this network shows where convolutional networks keep their knowledge and where
they spend their time: the layer <code>{escape(widest.name)}</code> holds
{widest.parameters / part.parameters:.1%} of the parameters and does
{widest.multiply_adds / part.multiply_adds:.1%} of the work.</p>
<figure class="wide" tabindex="0">{stack.draw(stages)}</figure>
<div class="grid">
<figure><h3>Shapes, parameters, multiply-adds of one image</h3>
<table class="numbers"><thead><tr><th scope="col">layer</th><th scope="col" class="number">returns</th>
<th scope="col" class="number">parameters</th><th scope="col" class="number">multiply-adds</th></tr></thead>
<tbody>{rows}</tbody>
<tfoot><tr><th scope="row">total</th><td></td><td class="number">{part.parameters:,}</td>
<td class="number">{part.multiply_adds:,}</td></tr></tfoot></table></figure>
<div class="stacked">{"".join(_figure(*picture) for picture in pictures)}</div>
</div>
</section>"""


def _kernels(part: Kernels, disturbance: str) -> str:
    most = max(row.ratio for row in part.rows)
    lost = [row.name for row in part.rows if row.ratio < 1]
    losses = f" NumPy wins {len(lost)} of the rows: {', '.join(lost)}." if lost else ""
    return f"""<section id="kernels">
<h2>Kernels beside plain NumPy</h2>
<p>The same arrays through goldfish and through NumPy as one would write it: im2col and a matrix product for
convolutions, a Python loop over time for recurrences. The results are compared before anything is timed; then the two
take turns, {part.repeats} calls each, and the medians stand here.{losses}{disturbance}</p>
<figure><table class="numbers"><thead><tr><th scope="col">operation, float32</th>
<th scope="col" class="number">goldfish, ms</th><th scope="col" class="number">NumPy, ms</th>
<th scope="col" class="number">times as fast</th></tr></thead>
<tbody>{"".join(_timing(row, most) for row in part.rows)}</tbody></table></figure>
</section>"""


def _disturbance(parts: Parts) -> str:
    if not parts.disturbed:
        return ""
    return (
        f" Other programs kept {parts.others:.1f} processors busy during this run, so times and ratios are rough: run "
        "it again on an idle machine."
    )


def _timing(row: Timing, most: float) -> str:
    return (
        f'<tr class="{"won" if row.ratio >= 1 else "lost"}"><th scope="row">{escape(row.name)}'
        f'<small>{escape(_typeset(row.shape))}</small></th><td class="number">{row.ours * 1e3:.2f}</td>'
        f'<td class="number">{row.numpy * 1e3:.2f}</td><td class="number ratio">{row.ratio:.1f}'
        f'<span class="bar" style="width: {row.ratio / most:.1%}"></span></td></tr>'
    )


def _footer(parts: Parts) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in parts.machine.items()
    )
    return f"""<footer><section id="machine">
<h2>The machine</h2>
<table><tbody>{rows}<tr><th scope="row">Whole run</th><td>{parts.seconds:.0f} seconds</td></tr>
<tr><th scope="row">Other programs</th><td>kept {parts.others:.1f} processors busy meanwhile</td></tr></tbody></table>
<p>The numbers are in <a href="summary.json">summary.json</a> too. Seeds are fixed: another run on this machine gives
the same networks and other times. <code>goldfish demo</code> makes this page.</p>
</section></footer>"""


def _grid(pictures: Iterable[tuple[str, str, str]]) -> str:
    return f'<div class="grid">{"".join(_figure(*picture) for picture in pictures)}</div>'


def _figure(title: str, picture: str, caption: str) -> str:
    return f"<figure><h3>{escape(title)}</h3>{picture}<figcaption>{escape(caption)}</figcaption></figure>"


def _share(value: int, total: int) -> str:
    return f'<td class="number">{f"{value:,}<small>{value / total:.2%}</small>" if value else "–"}</td>'


def _typeset(text: str) -> str:
    return text.replace(" x ", " × ").replace("->", "→")


def _shape(shape: Shape) -> str:
    return f"{shape[0]} @ {shape[1]} × {shape[2]}" if len(shape) == 3 else f"{shape[0]:,}"
