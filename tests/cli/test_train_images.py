"""Image classifiers from folders, archives and IDX files, through the command line alone."""

import gzip
import json
import sys

import numpy as np
import pytest

from goldfish import io
from goldfish.cli import main, trained

SMALL = ["--channels", "4", "--dense", "0", "--batch", "8", "--quiet", "--epochs", "6", "--learning-rate", "0.02"]


def stripes(count=60, size=8):
    """Images of vertical and of horizontal stripes, with noise."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 2
    line = (np.arange(size) // 2 % 2) * 200.0
    images = np.where(labels[:, None, None], line[:, None], line[None, :]) + rng.uniform(0, 50, (count, size, size))
    return images.astype(np.uint8), labels


def idx(array):
    start = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return start + array.astype(np.uint8).tobytes()


def pgm(image):
    return b"P5\n# a comment\n%d %d\n255\n" % image.shape[::-1] + image.tobytes()


@pytest.fixture
def data(tmp_path, monkeypatch):
    """The same images in every form."""
    monkeypatch.chdir(tmp_path)
    images, labels = stripes()
    (tmp_path / "my-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
    (tmp_path / "my-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))
    np.savez(tmp_path / "my.npz", x=images, y=np.array(["flat", "tall"])[labels])
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        folder = tmp_path / "my" / ("tall" if label else "flat")
        folder.mkdir(parents=True, exist_ok=True)
        if i % 3:
            (folder / f"{i:03}.pgm").write_bytes(pgm(image))
        else:
            np.save(folder / f"{i:03}.npy", image)
        (folder / "notes.txt").write_text("not an image")
    (tmp_path / "my" / ".hidden").mkdir()
    return tmp_path


def train(*arguments) -> int:
    return main(["train", "images", *map(str, arguments)])


@pytest.mark.parametrize("name", ["my-images-idx3-ubyte.gz", "my.npz", "my"])
def test_every_source_is_learnt_and_scored(data, name, capsys) -> None:
    assert train(name, *SMALL, "-o", "model") == 0
    assert "of the held-out images told right" in capsys.readouterr().out
    assert main(["evaluate", "model", name, "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["images"] == 60
    assert scores["accuracy"] == scores["right"] / 60 == np.trace(scores["confusion"]) / 60
    assert scores["accuracy"] > 0.95
    assert scores["classes"] == (["0", "1"] if "idx" in name else ["flat", "tall"])
    about = trained.read(data / "model", "images").about
    assert about["image_shape"] == [1, 8, 8]
    assert np.sum(about["confusion"]) == 6  # a tenth is held out


def test_classes_go_by_name(data, capsys) -> None:
    """A file whose classes are a part of the model's, in numbers of its own."""
    assert train("my.npz", *SMALL, "-o", "model") == 0
    images, labels = stripes()
    np.savez("tall.npz", images=images[labels == 1], labels=np.repeat("tall", 30))
    np.savez("other.npz", images=images, labels=np.array(["flat", "wide"])[labels])
    capsys.readouterr()
    assert main(["evaluate", "model", "other.npz"]) == 1
    assert "other.npz holds the class 'wide', model knows flat, tall" in capsys.readouterr().err
    assert main(["evaluate", "model", "my"]) == 0
    assert "truth down, guess across" in capsys.readouterr().out


def test_resumed_is_as_if_never_interrupted(data, monkeypatch) -> None:
    options = ["my.npz", *SMALL, "--dropout", 0.3, "--dense", 8]
    assert train(*options, "-o", "whole") == 0
    write, calls = trained.write, []

    def interrupted(*arguments) -> None:
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        write(*arguments)

    monkeypatch.setattr(trained, "write", interrupted)
    assert train(*options, "-o", "part") == 130
    monkeypatch.setattr(trained, "write", write)
    assert train("my.npz", "--quiet", "--epochs", 6, "--resume", "-o", "part") == 0
    whole, part = io.load("whole").state_dict(), io.load("part").state_dict()
    assert all(np.array_equal(whole[name], part[name]) for name in whole)
    assert trained.read(data / "part").about == trained.read(data / "whole").about


def test_labels_elsewhere(data) -> None:
    (data / "my-labels-idx1-ubyte.gz").rename("other")
    assert train("my-images-idx3-ubyte.gz", *SMALL, "-o", "m", "--labels", "other", "--validation", 0) == 0
    assert "confusion" not in trained.read(data / "m").about


@pytest.mark.parametrize("layout", ["first", "last"])
def test_colours_and_their_axis(data, layout) -> None:
    images, labels = stripes()
    colours = np.stack([images, 255 - images, images], axis=1 if layout == "first" else 3)
    np.savez("colours.npz", x=colours, y=labels)
    assert train("colours.npz", *SMALL, "-o", "m") == 0
    assert trained.read(data / "m").about["image_shape"] == [3, 8, 8]


def test_ppm_and_text_pixels(data) -> None:
    for name, body in (("a", b"255 0 10\n" * 16), ("b", b"0 255 10\n" * 16)):
        (data / "ppm" / name).mkdir(parents=True)
        (data / "ppm" / name / "plain.ppm").write_bytes(b"P3 4 4 255\n" + body)
        (data / "ppm" / name / "grey.pgm").write_bytes(b"P5 4 4 65535\n" + b"\xff\xff" * 16)
    assert train("ppm", *SMALL, "-o", "m") == 0
    assert trained.read(data / "m").about["image_shape"] == [3, 4, 4]


def test_pictures_and_sizes_with_pillow(data, capsys, monkeypatch) -> None:
    image_module = pytest.importorskip("PIL.Image")
    for folder in ("flat", "tall"):
        image_module.fromarray(stripes(size=16)[0][0]).save(data / "my" / folder / "large.png")
    assert train("my", *SMALL, "-o", "m") == 2
    assert "large.png is 16 x 16" in capsys.readouterr().err
    assert train("my", *SMALL, "-o", "m", "--size", 4, 6) == 0
    assert trained.read(data / "m").about["image_shape"] == [1, 4, 6]
    (data / "my" / "flat" / "broken.png").write_bytes(b"\x89PNG not really")
    assert train("my", *SMALL, "-o", "m2") == 1
    assert "broken.png is no image, or damaged" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert train("my", *SMALL, "-o", "m2") == 1
    assert "needs Pillow: pip install 'goldfish[images]'" in capsys.readouterr().err


def write_bad(data) -> None:
    images, labels = stripes()
    np.savez("short.npz", x=images, y=labels[:-1])
    np.savez("names.npz", a=images)
    np.savez("floats.npz", x=images, y=labels + 0.5)
    np.savez("one.npz", x=images, y=labels * 0)
    np.savez("none.npz", x=images[:0], y=labels[:0])
    np.savez("flat.npz", x=images.reshape(60, -1), y=labels)
    np.savez("unclear.npz", x=np.zeros((6, 3, 5, 3)), y=np.arange(6) % 2)
    np.savez("objects.npz", x=np.array([{}]), y=labels)
    np.savez("nan.npz", x=np.where(np.arange(60)[:, None, None] == 7, np.nan, images), y=labels)
    torn = (data / "my.npz").read_bytes()
    (data / "torn.npz").write_bytes(torn[: len(torn) // 2])
    (data / "damaged.npz").write_bytes(torn[:200] + bytes(9) + torn[209:])
    (data / "garbage.npz").write_bytes(b"garbage")
    (data / "void.npz").touch()
    (data / "x-images-idx3").write_bytes(idx(images)[:-5])
    (data / "y-images-idx3").write_bytes(idx(images))
    (data / "y-labels-idx1").write_bytes(idx(labels[:-1]))
    (data / "lonely").write_bytes(idx(images))
    (data / "empty").mkdir()
    (data / "hollow" / "a").mkdir(parents=True)
    for name, content in (
        ("torn.pgm", b"P5 8 8 255\n123"),
        ("no.pgm", b"P9"),
        ("no.npy", b"x"),
        ("big.pgm", b"P2 1 1 5 6"),
    ):
        (data / name.replace(".", "-") / "a").mkdir(parents=True)
        (data / name.replace(".", "-") / "a" / name).write_bytes(content)


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        (["absent"], 1, "absent does not exist"),
        (["short.npz"], 1, "expected one for each of 60 images"),
        (["names.npz"], 1, "names.npz holds a; expected x and y, or images and labels"),
        (["floats.npz"], 1, "labels of type float64"),
        (["one.npz"], 1, "holds one class only, '0'"),
        (["none.npz"], 1, "holds no images"),
        (["flat.npz"], 1, "shape (60, 64); expected (N, H, W[, C])"),
        (["unclear.npz"], 2, "--layout tells which axis is the colours"),
        (["objects.npz"], 1, "holds Python objects, which are not read"),
        (["nan.npz"], 1, "image 7 holds values that are not finite"),
        (["torn.npz"], 1, "torn.npz is no .npz file, or damaged"),
        (["damaged.npz"], 1, "damaged.npz is no .npz file, or damaged"),
        (["garbage.npz"], 1, "garbage.npz is no .npz file"),
        (["void.npz"], 1, "void.npz is no .npz file"),
        (["x-images-idx3"], 1, "the file is torn"),
        (["y-images-idx3"], 1, "holds 59 labels, y-images-idx3 60 images"),
        (["lonely"], 2, "no labels beside lonely: --labels names"),
        (["my-labels-idx1-ubyte.gz"], 1, "shape (60,); expected images"),
        (["my-images-idx3-ubyte.gz", "--labels", "my-images-idx3-ubyte.gz"], 1, "expected whole numbers, (60,)"),
        (["my-images-idx3-ubyte.gz", "--labels", "gone"], 2, "gone"),
        (["empty"], 1, "expected one for each class"),
        (["hollow"], 1, "holds no images (.bmp"),
        (["torn-pgm"], 1, "expected 64 values, got 3; the file is torn"),
        (["no-pgm"], 1, "is no PGM or PPM image"),
        (["no-npy"], 1, "is no .npy file of numbers"),
        (["big-pgm"], 1, "a value is larger than 5"),
        (["my", "--labels", "x"], 2, "--labels does not go with a folder"),
        (["my.npz", "--size", "3", "3"], 2, "--size does not go with a .npz file"),
        (["my.npz", "--channels", "0"], 2, "--channels: expected at least 1"),
        ([], 2, "DATA"),
    ],
)
def test_errors_are_one_line_and_write_nothing(data, capsys, arguments, code, message) -> None:
    write_bad(data)
    assert train(*arguments, "-o", "model") == code
    out, err = capsys.readouterr()
    assert message in err
    assert err.count("\n") == 1
    assert not out
    assert not (data / "model").exists()


def test_wrong_kind_of_model(data, capsys) -> None:
    assert train("my.npz", *SMALL, "-o", "m") == 0
    capsys.readouterr()
    assert main(["sample", "m"]) == 1
    assert "m is an image classifier; expected a character language model" in capsys.readouterr().err
    np.savez("small.npz", x=stripes(size=4)[0], y=stripes()[1])
    assert main(["evaluate", "m", "small.npz"]) == 1
    assert "holds images of shape (1, 4, 4), m takes (1, 8, 8)" in capsys.readouterr().err


def test_many_classes_are_told_by_their_confusions(data, capsys) -> None:
    rng = np.random.default_rng(0)
    np.savez("many.npz", x=rng.integers(0, 255, (60, 4, 4), np.uint8), y=np.arange(60) % 30)
    assert train("many.npz", *SMALL, "-o", "m", "--epochs", 1) == 0
    assert main(["evaluate", "m", "many.npz"]) == 0
    assert "most often confused:" in capsys.readouterr().out
