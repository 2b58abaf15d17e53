import pytest

from goldfish.cli import main, recitation
from goldfish.cli.recitation.worked import Group, Number, agree, check, plain, text

NUMBERS = [(group, number) for group in recitation.groups() for number in group.numbers]


@pytest.mark.parametrize("group, number", [pytest.param(g, n, id=f"{g.title}: {n.name}") for g, n in NUMBERS])
def test_worked_number(group, number) -> None:
    found = check(number)
    assert found.agrees, f"{group.title}: {number.name}: expected {number.expected}, computed {found.computed}"


def test_each_group_has_a_title_a_source_and_different_numbers() -> None:
    for group in recitation.groups():
        assert group.title
        assert group.source
        names = [number.name for number in group.numbers]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    "expected, computed, rel, same",
    [
        (1, 1, 0, True),
        (1, 2, 1, False),  # whole numbers are exact whatever the tolerance
        (1, 1.0, 1e-9, True),
        (1, True, 1, False),
        ("a", "a", 0, True),
        (True, False, 1, False),
        ((1, 2), (1, 2, 3), 1, False),
        ((1, 2.0), 1, 1, False),
        (1.0, 1.1, 0.05, False),
        (1.0, 1.1, 0.2, True),
        (1.0, float("nan"), 1, False),
        (1e-60, 2e-60, 1e-9, False),  # small is not the same as zero
        (0.0, 1e-16, 1e-9, True),
    ],
)
def test_agree(expected, computed, rel, same) -> None:
    assert agree(expected, computed, rel) is same


def test_a_mapping_is_no_number() -> None:
    with pytest.raises(TypeError, match="plain: expected a number"):
        plain({"a": 1})


def test_minus_zero_is_zero() -> None:
    assert text(-0.0) == "0"


def fake(*numbers):
    return [Group("A title", "A source", numbers)]


WRONG = Number("one", 1, lambda: 2)
RIGHT = Number("two", 2, lambda: 2)
BROKEN = Number("three", 3, lambda: 1 // 0)
LONG = Number("four", tuple(range(40)), lambda: list(range(40)))


def test_disagreement_is_code_1(monkeypatch, capsys) -> None:
    monkeypatch.setattr(recitation, "groups", lambda *subjects: fake(WRONG, RIGHT, BROKEN, LONG))
    assert main(["recitation"]) == 1
    out, err = capsys.readouterr()
    assert not err
    assert out.splitlines()[0] == "A title"
    assert [line.split()[:2] for line in out.splitlines() if line.startswith("  ") and line[2] != " "] == [
        ["A", "source"],
        ["WRONG", "one"],
        ["ok", "two"],
        ["WRONG", "three"],
        ["ok", "four"],
    ]
    assert "ZeroDivisionError" in out
    assert out.endswith("4 worked numbers: 2 agree, 2 do not\n")
    assert max(map(len, out.splitlines())) <= 140


def test_only_failures(monkeypatch, capsys) -> None:
    monkeypatch.setattr(recitation, "groups", lambda *subjects: fake(WRONG, RIGHT))
    assert main(["recitation", "--failures"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["WRONG", "one", "1", "2"]
    assert lines[-1] == "2 worked numbers: 1 agree, 1 do not"


def test_a_missing_extra_is_told(monkeypatch, capsys) -> None:
    def missing():
        raise ImportError("goldfish.theory needs SciPy: pip install 'goldfish[stats]'")

    monkeypatch.setattr(recitation, "groups", lambda *subjects: fake(Number("x", 1, missing)))
    assert main(["recitation"]) == 1
    assert "pip install 'goldfish[stats]'" in capsys.readouterr().err


def test_one_subject(capsys) -> None:
    assert main(["recitation", "cars"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Nine cars: naive Bayes\n")
    assert "prior of interested and not" in out
    assert "Ten clicks" not in out


def test_unknown_subject_names_the_known(capsys) -> None:
    assert main(["recitation", "cats"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("goldfish recitation: error: SUBJECT must be one of ")
    assert "cars" in err
    assert err.count("\n") == 1
