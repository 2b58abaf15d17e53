"""Drawings of recurrent and convolutional networks."""

import numpy as np
import pytest

import svg
from goldfish import diagnostics, drawing

KINDS = [("one-to-one", 1, 1), ("one-to-many", 1, 5), ("many-to-one", 5, 1), ("many-to-many", 4, 4), ("seq2seq", 3, 3)]


@pytest.mark.parametrize("view", ["unrolled", "projection"])
@pytest.mark.parametrize("kind, T_in, T_out", KINDS)
def test_wirings(view, kind, T_in, T_out):
    steps = diagnostics.wiring(kind, T_in, T_out)
    root = svg.parse(drawing.draw_rnn(view, wiring=steps, hidden=3))
    units = 3 if view == "projection" else 1
    assert svg.count(root, "node", "cell") == steps.T * units
    assert svg.count(root, "node", "input") == steps.inputs.sum()
    assert svg.count(root, "edge", "input") == steps.inputs.sum() * units
    assert svg.count(root, "node", "output") == steps.outputs.sum()
    assert svg.count(root, "edge", "output") == steps.outputs.sum() * units
    assert svg.count(root, "edge", "recurrent") == (steps.T - 1) * units**2
    assert svg.count(root, "edge", "feedback") == (steps.outputs.sum() - 1 if steps.feedback else 0)
    assert not svg.outside(root)


@pytest.mark.parametrize("T", [1, 2, 9, 120])
def test_nothing_reaches_over_the_edge(T):
    labels = ["incomprehensibilities" if t % 3 == 0 else "a" for t in range(T)]
    for view in ("unrolled", "projection"):
        assert not svg.outside(svg.parse(drawing.draw_rnn(view, labels=labels, hidden=4)))


def test_long_labels_are_shortened_and_hostile_ones_escaped():
    root = svg.parse(drawing.draw_rnn("unrolled", labels=["<b>&\"'", "x" * 300, ""]))
    texts = svg.words(root)
    assert "<b>&\"'" in texts
    assert any(text.endswith("…") and len(text) < 40 for text in texts)


def test_labels_that_xml_cannot_hold():
    hostile = ["\x00", "a\x0bb", "\ud800", "]]>", "<!--", "\r\n\t", "\ufffe"]
    for text in (
        drawing.draw_rnn("unrolled", labels=hostile),
        drawing.plot_influence(np.ones(7), labels=hostile),
        drawing.color_text(hostile, np.ones(7)),
        drawing.draw_cnn([(label, (3,)) for label in hostile]),
    ):
        text.encode()
        assert "]]>" in svg.words(svg.parse(text))


def test_a_label_of_a_million_letters_takes_no_time():
    root = svg.parse(drawing.draw_rnn("unrolled", labels=["i" * 1_000_000]))
    assert max(map(len, svg.words(root))) < 100
    root = svg.parse(drawing.color_text(["i" * 1_000_000], [1.0]))
    assert max(map(len, svg.words(root))) < 100


def test_ids_differ_between_drawings_on_one_page():
    pages = [drawing.draw_rnn("unrolled", T) for T in (2, 3)] + [drawing.draw_rnn("rolled")]
    ids = [e.get("id") for page in pages for e in svg.parse(page).iter() if e.get("id")]
    assert len(ids) == len(set(ids)) == 6


def test_defaults():
    assert svg.count(svg.parse(drawing.draw_rnn()), "node", "cell") == 3
    assert svg.count(svg.parse(drawing.draw_rnn(labels="abcd")), "node", "cell") == 4


def test_a_network_from_its_summary():
    from goldfish import nn

    table = diagnostics.summary([nn.Conv1d(2, 5, 3), nn.Flatten(), nn.Linear(40, 3)], (2, 10))
    root = svg.parse(drawing.draw_cnn([("in", (2, 10)), *((row.layer, row.shape) for row in table.rows)]))
    assert svg.count(root, "node", "layer") == 4
    assert {"2 @ 10", "5 @ 8", "40", "3"} <= set(svg.words(root))
    assert not svg.outside(root)
    assert svg.count(svg.parse(drawing.draw_cnn([("one", (1, 4, 4, 4))])), "edge") == 0


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"view": "sideways"}, ValueError, "view must be one of 'rolled', 'unrolled', 'projection', got 'sideways'"),
        ({"T": 0}, ValueError, "T must be >= 1, got 0"),
        ({"T": 2.5}, TypeError, "T must be an int, got 2.5"),
        ({"view": "projection", "hidden": 0}, ValueError, "hidden must be >= 1"),
        ({"T": 3, "labels": ["a"]}, ValueError, "labels must be 3, one per step, got 1"),
        ({"wiring": "many-to-one"}, TypeError, "wiring must be a Wiring, got str"),
        ({"view": "rolled", "labels": ["a", "b"]}, ValueError, "a rolled network has no steps"),
        ({"ax": "somewhere"}, TypeError, "ax must be the Axes of matplotlib, got str"),
    ],
)
def test_bad_arguments_of_draw_rnn(arguments, error, message):
    with pytest.raises(error, match=f"draw_rnn: {message}"):
        drawing.draw_rnn(**arguments)


@pytest.mark.parametrize(
    "shapes, message",
    [
        ([], "at least one"),
        ([("a", ())], r"shapes\[0\] must have 1 to 4 sizes"),
        ([("a", (3,)), ("b", (0, 3))], r"shapes\[1\] must have 1 to 4 sizes of at least 1, got \(0, 3\)"),
        ([3], r"shapes\[0\] must be \(label, shape\), got 3"),
        ([("a", "xy")], r"shapes\[0\] must be \(label, shape\)"),
    ],
)
def test_bad_shapes_of_draw_cnn(shapes, message):
    with pytest.raises(ValueError, match=f"draw_cnn: .*{message}"):
        drawing.draw_cnn(shapes)


def test_axes_get_every_shape():
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib.figure import Figure

    ax = Figure().add_subplot()
    assert drawing.draw_rnn("unrolled", 4, labels=["$a$", "b", "c", "d"], ax=ax) is ax
    assert len(ax.patches) == 3 * 4 + 4 + 4 + 3
    assert len(ax.texts) == 3 * 4 + 4
    ax.figure.canvas.draw()
    heights = [patch.center[1] for patch in ax.patches if hasattr(patch, "center")]
    assert len(np.unique(heights)) == 3
