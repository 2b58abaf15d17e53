"""Language models from text files, through the command line alone."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from goldfish import io
from goldfish.cli import main, trained

TEXT = "the cat sat on the mat. the dog sat on the log. " * 40
SMALL = ["--hidden", "16", "--truncate", "16", "--batch", "4", "--quiet"]


@pytest.fixture
def text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "cats.txt"
    path.write_text(TEXT)
    return path


def train(*arguments) -> int:
    return main(["train", "text", *map(str, arguments)])


def test_a_model_learns_writes_and_is_scored(text, capsys) -> None:
    assert train(text, *SMALL, "--epochs", 12, "--learning-rate", 0.01) == 0
    out, err = capsys.readouterr()
    assert out.startswith("wrote cats.goldfish: ")
    assert "bits per held-out character" in out
    assert "cats.txt: 1,920 characters, 14 different; " in err
    assert main(["sample", "cats.goldfish", "-n", "20", "--prompt", "the ", "--seed", "1"]) == 0
    written = capsys.readouterr().out
    assert written.startswith("the ")
    assert len(written) == 25
    assert main(["evaluate", "cats.goldfish", str(text), "--json"]) == 0
    scores = trained.json.loads(capsys.readouterr().out)
    assert scores["characters"] == 1920
    assert scores["bits_per_character"] < 1.5
    assert scores["perplexity"] == pytest.approx(2 ** scores["bits_per_character"])
    about = trained.read(text.parent / "cats.goldfish", "text").about
    assert len(about["history"]["val_loss"]) == 12
    assert sum(about["counts"]) == 1920


def same(first, second) -> bool:
    a, b = io.load(first).state_dict(), io.load(second).state_dict()
    return list(a) == list(b) and all(np.array_equal(a[name], b[name]) for name in a)


def test_resumed_is_as_if_never_interrupted(text, monkeypatch, capsys) -> None:
    options = [text, *SMALL, "--dropout", 0.2, "--layers", 2]
    assert train(*options, "--epochs", 4, "-o", "whole") == 0
    write, calls = trained.write, []

    def interrupted(*arguments) -> None:
        write(*arguments)
        calls.append(arguments)
        if len(calls) == 3:  # the model file of the third epoch is there, its checkpoint is not
            raise KeyboardInterrupt

    monkeypatch.setattr(trained, "write", interrupted)
    assert train(*options, "--epochs", 4, "-o", "part") == 130
    assert "stopped: part has 3 epochs; --resume continues" in capsys.readouterr().err
    monkeypatch.setattr(trained, "write", write)
    assert train(text, "--quiet", "--epochs", 4, "-o", "part", "--resume") == 0  # settings are those of the first run
    assert same("whole", "part")
    assert trained.read(text.parent / "part").about == trained.read(text.parent / "whole").about


def test_patience_keeps_the_best_epoch(text) -> None:
    text.write_text("".join(np.random.default_rng(0).choice(list("abcdefgh"), 600)))  # nothing to learn but by heart
    options = [text, *SMALL, "--learning-rate", 0.05, "--validation", 0.3]
    assert train(*options, "--epochs", 40, "--patience", 3, "-o", "best") == 0
    losses = trained.read(text.parent / "best").about["history"]["val_loss"]
    best = int(np.argmin(losses)) + 1
    assert len(losses) == best + 3 < 40
    assert train(*options, "--epochs", best, "-o", "until") == 0
    assert same("best", "until")


def test_resuming_a_finished_run_goes_on_from_it(text) -> None:
    assert train(text, *SMALL, "--epochs", 3, "-o", "three") == 0
    assert train(text, *SMALL, "--epochs", 2, "-o", "more") == 0
    assert train(text, "--quiet", "--epochs", 3, "-o", "more", "--resume") == 0
    assert same("three", "more")


def test_resume_without_anything_to_resume_begins(text) -> None:
    assert train(text, *SMALL, "--epochs", 1, "-o", "new", "--resume") == 0
    assert train(text, *SMALL, "--epochs", 1, "-o", "old") == 0
    assert same("new", "old")


def test_nothing_is_replaced_unasked(text, capsys) -> None:
    assert train(text, *SMALL, "--epochs", 1) == 0
    before = (text.parent / "cats.goldfish").read_bytes()
    assert train(text, *SMALL, "--epochs", 2) == 2
    assert "cats.goldfish exists: --resume continues it, --force replaces it" in capsys.readouterr().err
    assert (text.parent / "cats.goldfish").read_bytes() == before
    assert train(text, *SMALL, "--epochs", 2, "--force") == 0
    assert (text.parent / "cats.goldfish").read_bytes() != before


def test_a_run_goes_on_only_as_it_began(text, capsys) -> None:
    assert train(text, *SMALL, "--epochs", 1) == 0
    assert train(text, "--resume", "--hidden", 8, "--epochs", 2) == 2
    assert "--resume: the run began with --hidden 16, got 8" in capsys.readouterr().err
    text.write_text(TEXT[::-1])
    assert train(text, "--resume", "--epochs", 2) == 2
    assert "cats.goldfish was trained on other data than cats.txt" in capsys.readouterr().err


def test_stdin_and_several_files(text, monkeypatch, capsys) -> None:
    import io as streams

    monkeypatch.setattr(sys, "stdin", streams.TextIOWrapper(streams.BytesIO(TEXT.encode())))
    assert train("-", *SMALL, "--epochs", 1) == 0
    assert train(text, text, *SMALL, "--epochs", 1, "-o", "both") == 0
    assert trained.read(text.parent / "stdin.goldfish").about["data"]["characters"] == len(TEXT)
    assert trained.read(text.parent / "both").about["data"]["characters"] == 2 * len(TEXT) + 1


@pytest.mark.parametrize("option", [("--cell", "gru"), ("--cell", "rnn"), ("--embedding", "5"), ("--validation", "0")])
def test_options(text, option, capsys) -> None:
    assert train(text, *SMALL, "--epochs", 1, *option) == 0
    assert main(["sample", "cats.goldfish", "-n", "3", "--top-k", "2", "--top-p", "0.9"]) == 0


def test_other_encodings_and_newlines(text) -> None:
    text.write_bytes(("\ufeffé\r\nü\r" * 30).encode("utf-16-le"))
    assert train(text, *SMALL, "--epochs", 1, "--encoding", "utf-16-le", "--force") == 0
    assert trained.read(text.parent / "cats.goldfish").about["vocabulary"] == "\néü\ufeff"


@pytest.mark.parametrize(
    "content, arguments, code, message",
    [
        (b"", [], 1, "cats.txt is empty"),
        (b"a", [], 1, "expected two characters or more, got 1"),
        (b"\xff\xfe\x00abc", [], 1, "is no utf-8 text (byte 0: 0xff); --encoding names another"),
        (b"ab\0cd" * 9, [], 1, "holds NUL characters, the first at 2"),
        (b"abc" * 9, ["--encoding", "klingon"], 1, "--encoding: unknown encoding 'klingon'"),
        (b"abc" * 9, ["--output", "absent/model"], 1, "the folder absent of the output does not exist"),
        (b"abc" * 9, ["--output", "."], 1, "is a folder"),
        (b"abc" * 9, ["--validation", "0.99"], 1, "leaves 0 characters to train on"),
        (b"abc" * 9, ["--validation", "1"], 2, "--validation: expected at least 0 and less than 1"),
        (b"abc" * 9, ["--hidden", "0"], 2, "--hidden: expected at least 1, got 0"),
        (b"abc" * 9, ["--hidden", "many"], 2, "--hidden: expected a whole number, got 'many'"),
        (b"abc" * 9, ["--learning-rate", "nan"], 2, "--learning-rate: expected a number, got nan"),
        (b"abc" * 9, ["--learning-rate", "-1"], 2, "--learning-rate: expected a number above 0"),
        (b"abc" * 9, ["--cell", "cnn"], 2, "'lstm', 'gru', 'rnn'"),
        (b"abc" * 9, ["absent.txt"], 1, "absent.txt: No such file"),
        (b"abc" * 9, ["."], 1, "Is a directory"),
    ],
)
def test_errors_are_one_line_and_write_nothing(text, capsys, content, arguments, code, message) -> None:
    text.write_bytes(content)
    assert train(text, *arguments) == code
    out, err = capsys.readouterr()
    assert message in err
    assert err.count("\n") == 1
    assert err.startswith(("goldfish train: error: ", "goldfish train text: error: "))
    assert not out
    assert [path.name for path in text.parent.iterdir()] == ["cats.txt"]


def test_text_with_new_characters(text, capsys) -> None:
    assert train(text, *SMALL, "--epochs", 1) == 0
    other = text.with_name("other.txt")
    other.write_text(TEXT + "ZEBRA!")
    capsys.readouterr()
    assert main(["evaluate", "cats.goldfish", str(other)]) == 2
    assert "has 6 characters that cats.goldfish never met, such as '!'" in capsys.readouterr().err
    assert main(["evaluate", "cats.goldfish", str(other), "--drop-unknown"]) == 0
    out = capsys.readouterr().out
    assert "characters            1,920" in out
    assert "left out              6" in out


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        (["sample", "absent"], 1, "absent: No such file"),
        (["sample", "."], 1, "Is a directory"),
        (["sample", "empty"], 1, "not a model file: empty"),
        (["sample", "cats.txt"], 1, "not a model file: cats.txt"),
        (["sample", "torn"], 1, "the file is torn"),
        (["sample", "changed"], 1, "the checksum does not fit"),
        (["sample", "cats.goldfish.checkpoint"], 1, "got 'goldfish checkpoint 1'"),
        (["sample", "plain"], 1, "plain is a network that another program saved; expected a character language model"),
        (["sample", "lying"], 1, "its metadata are damaged (they do not describe a character language model)"),
        (["sample", "cats.goldfish", "--prompt", "%"], 1, "not in the vocabulary: ['%']"),
        (["sample", "cats.goldfish", "--top-p", "2"], 1, "top_p"),
        (["sample", "cats.goldfish", "-n", "-1"], 2, "expected at least 0, got -1"),
        (["evaluate", "cats.goldfish", "absent.txt"], 1, "absent.txt: No such file"),
        (["evaluate", "cats.goldfish", "empty"], 1, "empty is empty"),
    ],
)
def test_wrong_models_and_texts(text, capsys, arguments, code, message) -> None:
    assert train(text, *SMALL, "--epochs", 1) == 0
    model = (text.parent / "cats.goldfish").read_bytes()
    (text.parent / "empty").touch()
    (text.parent / "torn").write_bytes(model[:-9])
    (text.parent / "changed").write_bytes(model[:-9] + b"?" + model[-8:])
    network, about = io.load("cats.goldfish"), trained.read(text.parent / "cats.goldfish").about
    io.save(network, "plain")
    trained.write(text.parent / "lying", network, "text", {**about, "vocabulary": "ba"})
    capsys.readouterr()
    assert main(arguments) == code
    out, err = capsys.readouterr()
    assert message in err
    assert err.count("\n") == 1
    assert not out


# What a shell starts in the background ignores the interrupt, and so would what that starts.
INTERRUPTIBLE = (
    "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "runpy.run_module('goldfish', run_name='__main__')"
)


def test_ctrl_c_leaves_the_last_epoch(text) -> None:
    command = [sys.executable, "-c", INTERRUPTIBLE, "train", "text", str(text), *SMALL, "--epochs", "100000"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    model, limit = text.parent / "cats.goldfish", time.monotonic() + 60
    while not model.with_name("cats.goldfish.checkpoint").exists() and time.monotonic() < limit:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert not out
    assert "--resume continues" in err
    assert "Traceback" not in err
    assert trained.read(model, "text").about["history"]["loss"]


def test_sample_into_a_closed_pipe(text) -> None:
    assert train(text, *SMALL, "--epochs", 1) == 0
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "goldfish", "sample", "cats.goldfish", "-n", "9"]
    with os.fdopen(writer, "wb") as pipe:
        ended = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, check=False, text=True)
    assert ended.returncode == 141
    assert ended.stderr == ""
