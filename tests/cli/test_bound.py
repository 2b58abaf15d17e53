import json

import pytest

from goldfish import theory
from goldfish.cli import main


def ask(capsys, *arguments):
    assert main(["bound", *arguments, "--json"]) == 0
    out, err = capsys.readouterr()
    assert not err
    return json.loads(out)


@pytest.mark.parametrize(
    "question, value",
    [
        ("examples --eps .01 --delta .02 --hypotheses 3**10", 1490),
        ("examples --eps .01 --delta .02 --hypotheses 59049 --tight", 1483),
        ("examples --eps .01 --delta .02 --hypotheses 59_049 --agnostic", 77957),
        ("examples --eps .01 --delta .02 --log-hypotheses 10.986122886681098", 1490),
        ("examples --eps .01 --delta .02 --class conjunctions n=10", 1490),
        ("examples --eps .01 --delta .02 --class conjunctions n=10 allow_false=true", 1490),
        ("examples --eps .1 --vc 3 --needed", 27),
        ("examples --eps .1 --class halfspaces p=2 --agnostic", 2924),
        ("examples --eps .1 --vc inf", "inf"),
        ("hoeffding --eps .01 --delta .02", theory.sample_complexity_finite(0.01, 0.02, h=1, realizable=False).value),
        ("dimension rotated_rectangles", 7),
        ("dimension halfspaces p=10", 11),
        ("dimension margin_halfspaces radius=2.5 margin=1 p=100", 8),
        ("dimension convex_sets", "inf"),
        ("count decision_trees n=3 depth=2", 302),
        ("count decision_trees n=3 depth=2 distinct=true", 62),
        ("growth 6 halfspaces p=2", 32),
        ("test-set --errors 3 --examples 100", theory.test_set_bound(3, 100, 0.05).value),
        ("test-set --errors 3 --examples 100 --side lower", theory.test_set_bound(3, 100, 0.05, side="lower").value),
        ("occam --errors 3 --examples 100 --log-prior -2", theory.occam_bound(3, 100, 0.05, log_prior=-2).value),
        ("compression --examples 100 --kept 5", theory.compression_bound(100, 5, 0, 0.05).value),
        ("pac-bayes --train-error .1 --kl 5 --examples 1000", theory.pac_bayes(0.1, 5.0, 1000, 0.05).value),
        ("risk --examples 1490 --delta .02 --hypotheses 59049", 0.009948934264019105),
        ("risk --examples 1000 --train-error .1 --vc 3", theory.risk_bound_vc(3, 1000, 0.05, train_error=0.1).value),
    ],
)
def test_the_answer_is_the_librarys(question, value, capsys) -> None:
    assert ask(capsys, *question.split())["value"] == pytest.approx(value)


def test_hoeffding_in_units_of_the_range(capsys) -> None:
    one = ask(capsys, "hoeffding", "--examples", "1000")["value"]
    assert one == pytest.approx((3.6888794541139363 / 2000) ** 0.5)  # ln(2 / 0.05) / (2 n)
    assert ask(capsys, "hoeffding", "--examples", "1000", "--range", "10")["value"] == pytest.approx(10 * one)
    n = ask(capsys, "hoeffding", "--eps", "0.02")["value"]
    assert ask(capsys, "hoeffding", "--examples", str(n))["value"] <= 0.02
    assert ask(capsys, "hoeffding", "--examples", str(n - 1))["value"] > 0.02


def test_bits_are_a_prior(capsys) -> None:
    bits = ask(capsys, "occam", "--errors", "3", "--examples", "100", "--bits", "10")["value"]
    assert bits == pytest.approx(theory.occam_bound(3, 100, 0.05, log_prior=-6.931471805599453).value)


def test_the_better_way_is_told(capsys) -> None:
    answer = ask(capsys, "examples", "--eps", ".01", "--delta", ".02", "--class", "conjunctions", "n=10")
    assert answer["note"] == "by its size; the other way gives 14728"


def test_for_eyes(capsys) -> None:
    assert main(["bound", "risk", "--examples", "10", "--vc", "10", "--train-error", "0.4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert float(lines[0]) > 1
    assert any(line.startswith("  note: it says nothing") for line in lines)
    assert any(line.startswith("  holds if: ") for line in lines)
    assert any(line.startswith("  source: ") for line in lines)
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize(
    "question, code, message",
    [
        ("", 2, "question"),
        ("everything", 2, "invalid choice: 'everything'"),
        ("examples --eps .1", 2, "one of the arguments --hypotheses"),
        ("examples --eps .1 --vc 3 --hypotheses 5", 2, "not allowed with"),
        ("examples --eps 1.5 --vc 3", 2, "--eps: expected a number between 0 and 1"),
        ("examples --eps .1 --delta 0 --vc 3", 2, "--delta: expected a number above 0"),
        ("examples --eps .1 --vc -3", 2, "--vc: expected at least 0"),
        ("examples --eps .1 --hypotheses 0", 2, "--hypotheses: expected at least 1"),
        ("examples --eps .1 --hypotheses 2**3**4", 2, "--hypotheses: expected a number such as"),
        ("examples --eps .1 --hypotheses 2**99999999", 2, "--log-hypotheses takes more"),
        ("examples --eps .1 --hypotheses 9 --needed", 2, "--needed takes --vc or --class"),
        ("examples --eps .1 --vc 3 --tight", 2, "--tight is for finite classes"),
        ("examples --eps .1 --class fish", 1, "cls must be one of thresholds"),
        ("examples --eps .1 --class halfspaces", 1, "p must be given for 'halfspaces'"),
        ("dimension halfspaces p", 2, "expected a parameter such as p=2, got 'p'"),
        ("dimension halfspaces p=two", 2, "expected a number for p, got 'two'"),
        ("dimension halfspaces q=2", 1, "vc_dimension"),
        ("count halfspaces p=2", 1, "hypothesis_count: cls must be one of conjunctions"),
        ("occam --errors 3 --examples 2 --bits 1", 2, "--errors 3 is more than --examples 2"),
        ("compression --examples 5 --kept 9", 1, "compression_bound"),
        ("pac-bayes --train-error .1 --kl -1 --examples 9", 1, "kl must be finite and at least 0"),
    ],
)
def test_errors_are_one_line(question, code, message, capsys) -> None:
    assert main(["bound", *question.split()]) == code
    out, err = capsys.readouterr()
    assert message in err
    assert err.count("\n") == 1
    assert not out
