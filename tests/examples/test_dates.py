"""Dates: the network against templates, on dates that neither has seen."""

import datetime

import pytest

import dates


def test_formats():
    day = datetime.date(1998, 5, 3)
    assert [written(day) for written in dates.FORMATS] == [
        "3 May 1998",
        "May 3, 1998",
        "May 3rd, 1998",
        "Sunday, 3 May 1998",
        "3.5.1998",
        "05/03/1998",
        "the 3rd of May, 1998",
        "1998 MAY 03",
    ]
    days = {1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 11: "11th", 12: "12th", 13: "13th", 21: "21st", 22: "22nd"}
    assert {day: dates.ordinal(day) for day in days} == days


def test_no_date_is_in_both_parts():
    data = dates.split_dates(300, 200)
    assert not set(data.y) & set(data.y_test)
    assert (len(set(data.y)), len(set(data.y_test))) == (300, 200)


def test_templates_move_digits():
    X = [f"{day:02}/0{month}/1999" for day in range(10, 29) for month in range(1, 10)]
    y = [f"1999-0{source[4]}-{source[:2]}" for source in X]
    assert dates.Templates().fit(X, y).predict(["23/07/1999", "3 May"]) == ["1999-07-23", ""]


def test_the_network_beats_the_templates():
    result = dates.compare(dates.split_dates(2_500, 500), *dates.SMALL)
    assert result.network > 0.9 > result.templates + 0.3
    assert result.beam > 0.9
    assert len(result.mistakes) == pytest.approx(500 * (1 - result.network))


@pytest.mark.slow
def test_nearly_every_unseen_date_comes_out_exactly_on_the_full_scale():
    result = dates.compare(dates.split_dates(10_000, 2_000), *dates.FULL)
    assert result.network >= 0.98
    assert result.templates < 0.5


def test_the_program_prints_both(capsys, monkeypatch):
    monkeypatch.setattr(dates, "compare", lambda *_: dates.Result(0.99, 0.5, 0.98, [("1 May 1990", "1990-05-02")]))
    dates.main(["--small"])
    printed = capsys.readouterr().out
    assert "templates             50.00 %" in printed
    assert "Seq2Seq               99.00 %" in printed
    assert "'1 May 1990' -> '1990-05-02'" in printed
