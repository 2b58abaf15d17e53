"""Filters, feature maps, the sweep of a filter, decision regions, shattering, coloured texts."""

import base64
import io
import itertools
import re

import numpy as np
import pytest

import goldfish as gf
import svg
from goldfish import drawing, nn

RNG = np.random.default_rng(0)
IMAGE = np.array([[1, 3, -2, 4], [0, 8, 6, 5], [2, 1, -9, 0], [4, -1, 3, 7]], float)
FILTER = np.array([[1, 2], [-2, -1]], float)


def pixels(element):
    """The image inside an SVG, by another reader of PNG files."""
    pillow = pytest.importorskip("PIL.Image")
    data = base64.b64decode(element.get("href").removeprefix("data:image/png;base64,"))
    return np.asarray(pillow.open(io.BytesIO(data)).convert("RGB"))


def test_a_filter_keeps_its_signs_and_places():
    root = svg.parse(drawing.plot_filters([[[[1.0, -1.0], [0.0, 0.5]]]]))
    (tile,) = svg.elements(root, "filter")
    image = pixels(tile)
    half = len(image) // 2
    corners = image[0, 0], image[0, -1], image[-1, 0], image[half + 2, -1]
    assert corners[0].tolist() == [0x7F, 0x36, 0x00]  # the strongest orange
    assert corners[1].tolist() == [0x05, 0x3F, 0x6B]  # the strongest blue
    assert min(corners[2]) > 235  # nearly white
    assert corners[3][0] > corners[3][2]  # orange


@pytest.mark.parametrize("shape, tiles", [((8, 5, 5), 8), ((8, 1, 5, 5), 8), ((4, 3, 7, 7), 4), ((4, 5, 3, 3), 20)])
def test_grids_of_filters(shape, tiles):
    root = svg.parse(drawing.plot_filters(RNG.normal(size=shape), columns=3))
    assert svg.count(root, "filter") == tiles
    assert not svg.outside(root)


def test_too_many_tiles_are_told():
    assert "256 of 300 filters" in svg.words(svg.parse(drawing.plot_filters(np.ones((300, 3, 3)))))[0]
    root = svg.parse(drawing.plot_filters(np.ones((64, 64, 3, 3))))
    assert svg.count(root, "filter") == 4 * 64


def test_feature_maps():
    maps = np.stack([np.zeros((4, 6)), np.ones((4, 6)), RNG.normal(size=(4, 6))])
    root = svg.parse(drawing.plot_feature_maps(maps, labels=["nothing", "all", "both"]))
    nothing, everything, both = (pixels(tile) for tile in svg.elements(root, "map"))
    assert nothing.min() > 235
    assert everything.max() < 100
    assert both[..., 0].max() > 200
    assert both.shape[0] / both.shape[1] == pytest.approx(4 / 6)
    assert "1 are zero throughout" in root[1].text


@pytest.mark.parametrize("stride, padding, dilation", [(1, 0, 1), (1, 1, 1), (2, 1, 1), (1, 2, 2)])
def test_the_sweep_computes_the_convolution(stride, padding, dilation):
    text = drawing.animate_convolution(IMAGE, FILTER, stride=stride, padding=padding, dilation=dilation)
    expected = gf.conv2d(IMAGE[None, None], FILTER[None, None], stride=stride, padding=padding, dilation=dilation)[0, 0]
    root = svg.parse(text)
    assert svg.count(root, "cell", "result") == expected.size
    assert svg.count(root, "cell", "pixel") == (4 + 2 * padding) ** 2
    sums = [element.text for element in svg.elements(root, "sum")]
    assert [float(s.rpartition("= ")[2].replace("−", "-")) for s in sums] == expected.ravel().tolist()
    for line in sums:  # each line is a correct sum of products
        left, _, right = line.replace("−", "-").replace("·", "*").rpartition(" = ")
        assert eval(left) == float(right)
    (window,) = svg.elements(root, "window")
    moves = {child.get("attributeName"): child.get("values").split(";") for child in window}
    assert len(moves["x"]) == len(moves["y"]) == expected.size
    steps = np.diff(np.array(moves["x"], float))
    assert steps[0] == pytest.approx(34 * stride)


def test_one_place_of_the_sweep():
    still = drawing.animate_convolution(IMAGE, FILTER, frame=4)
    assert "<animate" not in still
    root = svg.parse(still)
    assert [element.text.rpartition("= ")[2] for element in svg.elements(root, "sum")] == ["27"]
    visible = [e for e in svg.elements(root, "cell", "result") if e.get("opacity") is None]
    assert len(visible) == 5
    assert "<animate" not in drawing.animate_convolution([[2.0]], [[3.0]])


def test_regions_are_those_of_the_classifier():
    X = RNG.uniform(-1, 1, size=(60, 2))
    y = (X[:, 0] > 0).astype(int) + 2 * (X[:, 1] > 0)

    def scores(points):
        quadrant = (points[:, 0] > 0) + 2 * (points[:, 1] > 0)
        return np.eye(4)[quadrant]

    root = svg.parse(drawing.plot_decision_boundary(scores, X, y, labels=["a", "b"]))
    (regions,) = svg.elements(root, "regions")
    image = pixels(regions).astype(int)
    corners = [image[-1, 0], image[-1, -1], image[0, 0], image[0, -1]]  # classes 0 to 3; the first row is at the top
    assert corners[0][2] > corners[0][0]  # blue
    assert corners[1][0] > corners[1][2]  # orange
    assert corners[2][1] == max(corners[2])  # green
    assert [svg.count(root, "point", f"class-{k}") for k in range(4)] == np.bincount(y).tolist()
    assert not svg.outside(root)


def test_the_boundary_lies_where_the_classifier_changes_its_mind():
    X = RNG.uniform(-1, 1, size=(40, 2))
    root = svg.parse(drawing.plot_decision_boundary(lambda Z: Z[:, 0] - 0.25, X, X[:, 0] > 0.25))
    (path,) = svg.elements(root, "boundary")
    xs = {round(float(pair.split(",")[0]), 1) for pair in re.findall(r"[ML]([\d.,]+)", path.get("d"))}
    assert len(xs) == 1


def test_classifiers_of_every_kind():
    linear = pytest.importorskip("sklearn.linear_model")
    from goldfish.naive_bayes import GaussianNB

    X = RNG.normal(size=(40, 2))
    names = np.array(["left", "right"])[(X[:, 0] > 0).astype(int)]
    net = nn.Sequential(nn.Linear(2, 4, rng=0), nn.Tanh(), nn.Linear(4, 1, rng=1))

    class Labels:
        classes_ = np.array(["left", "right"])

        def predict(self, points):
            return self.classes_[(points[:, 0] > 0).astype(int)]

    for model in (linear.LogisticRegression().fit(X, names), linear.Perceptron().fit(X, names), net, Labels()):
        assert svg.count(svg.parse(drawing.plot_decision_boundary(model, X, names)), "boundary") == 1
    bayes = GaussianNB().fit(X, names)
    root = svg.parse(drawing.plot_decision_boundary(bayes, X, names, resolution=64))
    assert svg.count(root, "boundary") == 1
    with_k = drawing.plot_decision_boundary(GaussianNB().fit(X, np.arange(40) % 3), X, np.arange(40) % 3)
    assert "class-2" in with_k


@pytest.mark.parametrize("cls", ["halfspaces", "boxes", "balls", "rotated_rectangles"])
def test_shattering_agrees_with_the_theory(cls):
    theory = pytest.importorskip("goldfish.theory")
    X = [[0, 0], [2, 0], [0, 2], [1, 1]]
    root = svg.parse(drawing.draw_shattering(X, cls))
    possible = sum(theory.realize(X, list(y), cls) is not None for y in itertools.product((0, 1), repeat=4))
    assert svg.count(root, "labeling", "possible") == possible
    assert svg.count(root, "labeling", "impossible") == svg.count(root, "hatch") == 16 - possible
    assert svg.count(root, "point") == 16 * 4
    assert not svg.outside(root)


def test_points_on_a_line():
    pytest.importorskip("scipy")
    root = svg.parse(drawing.draw_shattering([[0], [1], [2]], "intervals"))
    assert svg.count(root, "labeling", "impossible") == 1
    assert svg.count(root, "blamed") == 3


def test_texts():
    text = "a goldfish forgets\nthe start"
    root = svg.parse(drawing.color_text(text, np.linspace(0, 1, len(text)), width=240, target=-1))
    tokens = svg.elements(root, "token")
    assert len(tokens) == len(text)
    brightness = [sum(int(t.get("fill")[i : i + 2], 16) for i in (1, 3, 5)) for t in tokens]
    assert brightness == sorted(brightness, reverse=True)
    assert [t.get("stroke") is not None for t in tokens].count(True) == 1
    assert not svg.outside(root)
    rows = {}
    for token, letter in zip(tokens, text, strict=True):
        rows.setdefault(token.get("y"), []).append(letter)
    lines = ["".join(row).strip() for row in rows.values()]
    assert lines == ["a goldfish forgets", "the start"]


@pytest.mark.parametrize("values", [[0.0, 0.0], [1e-320, 1e300], [1.0, 1.0]])
def test_extreme_texts(values):
    assert svg.count(svg.parse(drawing.color_text(["one", "two"], values)), "token") == 2


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: drawing.plot_filters(np.ones((2, 3))), ValueError, "plot_filters: weight must be of shape"),
        (
            lambda: drawing.plot_filters(np.full((1, 2, 2), np.nan)),
            ValueError,
            r"must be finite, got nan at \[0, 0, 0\]",
        ),
        (
            lambda: drawing.plot_filters(np.ones((2, 3, 3)), labels="abc"),
            ValueError,
            "labels must be 2, one per filter",
        ),
        (lambda: drawing.plot_feature_maps(np.ones((2, 2))), ValueError, "plot_feature_maps: maps must be of shape"),
        (lambda: drawing.animate_convolution([1.0], FILTER), ValueError, "image must be of shape"),
        (lambda: drawing.animate_convolution(FILTER, IMAGE), ValueError, "the filter does not fit"),
        (lambda: drawing.animate_convolution(np.ones((30, 30)), FILTER), ValueError, "at most 400 places .* got 841"),
        (lambda: drawing.animate_convolution(IMAGE, FILTER, stride=0), ValueError, "stride must be >= 1, got 0"),
        (lambda: drawing.animate_convolution(IMAGE, FILTER, frame=9), ValueError, r"frame must be in 0\.\.8, got 9"),
        (lambda: drawing.animate_convolution(IMAGE, FILTER, seconds=0), ValueError, "seconds must be > 0"),
        (lambda: drawing.plot_decision_boundary(len, [[1.0]], [0]), ValueError, r"X must be finite of shape \(N, 2\)"),
        (lambda: drawing.plot_decision_boundary(len, [[1.0, 2.0]], [0, 1]), ValueError, r"y must be of shape \(1,\)"),
        (
            lambda: drawing.plot_decision_boundary(3, [[1.0, 2.0]], [0]),
            TypeError,
            "model must be a classifier, got int",
        ),
        (lambda: drawing.plot_decision_boundary(lambda X: X[:3], [[1.0, 2.0]], [0]), ValueError, "the model must give"),
        (lambda: drawing.draw_shattering([[0, 0, 0]], "balls"), ValueError, "1 to 6 points of 1 or 2 columns"),
        (lambda: drawing.draw_shattering([[0], [1]], "nonsense"), ValueError, "nonsense"),
        (lambda: drawing.color_text("abc", [1.0]), ValueError, "tokens must be 1, one per value, got 3"),
        (lambda: drawing.color_text("a", [-1.0]), ValueError, "influence must be finite numbers >= 0"),
        (lambda: drawing.color_text("a", [1.0], target=1), ValueError, r"target must be in -1\.\.0, got 1"),
        (lambda: drawing.color_text("a", [1.0], width=5), ValueError, "width must be >= 240"),
    ],
)
def test_bad_values(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_on_axes():
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib.figure import Figure

    X = RNG.normal(size=(20, 2))
    calls = [
        lambda ax: drawing.plot_filters(RNG.normal(size=(6, 3, 3)), ax=ax),
        lambda ax: drawing.plot_feature_maps(RNG.normal(size=(6, 8, 8)), ax=ax),
        lambda ax: drawing.animate_convolution(IMAGE, FILTER, ax=ax),
        lambda ax: drawing.plot_decision_boundary(lambda Z: Z[:, 0], X, X[:, 0] > 0, ax=ax),
        lambda ax: drawing.draw_shattering([[0], [1]], "thresholds", ax=ax),
        lambda ax: drawing.color_text("a goldfish", np.ones(10), ax=ax),
    ]
    for call in calls:
        ax = Figure().add_subplot()
        assert call(ax) is ax
        assert ax.images or ax.patches
        ax.figure.canvas.draw()
