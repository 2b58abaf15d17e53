import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import goldfish
from goldfish.cli import demo, main


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "the following arguments are required: command"),
        (["swim"], "invalid choice: 'swim'"),
        (["demo", "--fast"], "unrecognized arguments: --fast"),
        (["demo", "--output"], "argument --output: expected one argument"),
        (["config", "now"], "unrecognized arguments: now"),
    ],
)
def test_wrong_arguments_are_one_line_and_code_2(arguments, message, capsys) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert err.count("\n") == 1
    assert not out


@pytest.mark.parametrize("arguments", [["--help"], ["demo", "--help"], ["config", "--help"]])
def test_help_is_code_0(arguments, capsys) -> None:
    assert main(arguments) == 0
    assert "usage: goldfish" in capsys.readouterr().out


def test_version(capsys) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"goldfish {goldfish.__version__}\n"


COMMANDS = [
    "demo",
    "train",
    "sample",
    "evaluate",
    "summary",
    "draw",
    "report",
    "bound",
    "heap",
    "recitation",
    "bench",
    "config",
]


def test_help_lists_every_command(capsys) -> None:
    assert main(["--help"]) == 0
    listed = re.findall(r"^    ([a-z]+) ?", capsys.readouterr().out, re.MULTILINE)
    assert sorted(set(listed)) == sorted(COMMANDS)


@pytest.mark.parametrize("command", [*COMMANDS, "train text", "train images", "bound examples", "bound risk"])
def test_every_command_has_help(command, capsys) -> None:
    assert main([*command.split(), "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"usage: goldfish {command}")
    assert "options:" in out


def test_help_is_quick() -> None:
    """A count of modules, since times vary: help needs none of the heavy ones."""
    code = "from goldfish.cli import main; main(['--help']); import sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"scipy", "sklearn", "matplotlib", "rich", "goldfish.nn", "goldfish.theory", "goldfish.drawing"} & set(
        loaded
    )


def test_config_prints_what_show_config_prints(capsys) -> None:
    assert main(["config"]) == 0
    assert goldfish.__version__ in capsys.readouterr().out


def test_output_that_is_a_file_is_one_line(tmp_path, capsys) -> None:
    path = tmp_path / "taken"
    path.write_text("mine")
    assert main(["demo", "--quick", "--output", str(path)]) == 1
    err = capsys.readouterr().err
    assert err.startswith("goldfish demo: error: demo: output ")
    assert str(path) in err
    assert err.count("\n") == 1
    assert path.read_text() == "mine"


def test_debug_shows_the_traceback(tmp_path, capsys) -> None:
    path = tmp_path / "taken"
    path.touch()
    assert main(["demo", "--debug", "--output", str(path)]) == 1
    assert capsys.readouterr().err.startswith("Traceback")


def test_unexpected_errors_tell_their_type(monkeypatch, capsys) -> None:
    def fail(output: Path, *, quick: bool) -> None:
        raise ZeroDivisionError("division\nby zero")

    monkeypatch.setattr(demo, "run", fail)
    assert main(["demo"]) == 1
    assert capsys.readouterr().err == "goldfish demo: error: ZeroDivisionError: division by zero\n"


def test_interrupt_is_code_130(monkeypatch, capsys) -> None:
    def interrupt(output: Path, *, quick: bool) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "run", interrupt)
    assert main(["demo"]) == 130
    assert capsys.readouterr().err == "goldfish: interrupted\n"


def test_missing_extra_names_the_pip_command(monkeypatch, capsys, tmp_path) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["demo", "--output", str(tmp_path)]) == 1
    assert "pip install 'goldfish[plot]'" in capsys.readouterr().err


def test_closed_pipe_is_quiet() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as pipe:
        ended = subprocess.run(
            [sys.executable, "-m", "goldfish", "config"], stdout=pipe, stderr=subprocess.PIPE, check=False, text=True
        )
    assert ended.returncode == 141
    assert ended.stderr == ""


def test_closed_streams_are_quiet() -> None:
    command = f"exec {sys.executable} -m goldfish config >&- 2>&-"
    assert subprocess.run(["sh", "-c", command], check=False).returncode == 0


def test_module_runs_as_a_program() -> None:
    ended = subprocess.run([sys.executable, "-m", "goldfish", "config"], capture_output=True, check=False, text=True)
    assert ended.returncode == 0
    assert ended.stdout.startswith("version: ")
