from __future__ import annotations

import dataclasses
import math
import re

import pytest

from seco_core.feedback.forecast import Forecast
from seco_core.pipeline import TeachResult
from seco_core.scc.correction import Verdict
from seco_core.scheme import load_scheme
from seco_viewer import decision_words, project_words, words
from seco_viewer.class_search import find_classes
from seco_viewer.docks.learn import told as learnt
from seco_viewer.words import RegionFacts

SCHEME = load_scheme("cityscapes19")
BUILDING, WALL = 2, 3
FACTS = RegionFacts(
    class_id=WALL,
    predicted=BUILDING,
    probability=0.912,
    noise_score=0.93,
    verdict=Verdict.DROP,
    votes=((WALL, 0.71), (BUILDING, 0.29)),
    confidence=0.84,
    neighbours=(BUILDING,) * 5 + (WALL,),
    touching=(BUILDING, 10, BUILDING),
    area=1234,
    decided=None,
)
NAME = SCHEME.label


def with_(**changes) -> RegionFacts:
    return dataclasses.replace(FACTS, **changes)


def test_the_sentence():
    assert (
        words.sentence(FACTS, NAME)
        == "called wall, looks like building (0.91), 5 of 6 look-alikes are building"
    )


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (with_(predicted=WALL), "called wall, looks it (0.91), 5 of 6 look-alikes are building"),
        (with_(probability=0.3, neighbours=(BUILDING,)), "called wall, could be building (0.30), "
         "1 of 1 look-alike is building"),
        (with_(probability=math.nan, neighbours=()), "called wall"),
        (with_(suggested=10, neighbours=()), "called wall, looks like building (0.91), "
         "decisions on regions like it say sky"),
        (with_(suggested=BUILDING, neighbours=()), "called wall, looks like building (0.91)"),
        (with_(neighbours=(WALL, BUILDING)), "called wall, looks like building (0.91), "
         "1 of 2 look-alikes are building"),
    ],
)  # fmt: skip
def test_other_sentences(facts: RegionFacts, expected: str):
    assert words.sentence(facts, NAME) == expected


def test_votes_and_surroundings():
    assert words.votes(FACTS, NAME) == "pseudo-label: 71 % wall, 29 % building, confidence 0.84"
    assert words.votes(with_(votes=(), confidence=math.nan), NAME) == "pseudo-label: nothing here"
    assert words.surroundings(FACTS, NAME) == "1,234 pixels, touches building, sky"


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (FACTS, "flagged: noise score 0.93; building (0.91) is not sure enough to correct it"),
        (
            with_(verdict=Verdict.DOUBT),
            "flagged: noise score 0.93, but among the likeliest of its class, so it stays for now",
        ),
        (with_(verdict=Verdict.RELABEL), "corrected to building (noise score 0.93)"),
        (with_(verdict=Verdict.KEEP, noise_score=0.1), "kept (noise score 0.10)"),
        (with_(noise_score=math.nan), "not scored yet: run the pipeline"),
        (with_(decided=WALL), "reviewed: wall is right"),
        (with_(decided=255), "reviewed: wall → ignore"),
    ],
)
def test_verdicts(facts: RegionFacts, expected: str):
    assert words.verdict(facts, NAME) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ro", [0]),
        ("L", [6]),
        ("1", [1, 10, 11, 12, 13, 14, 15, 16, 17, 18]),
        ("19", []),
        ("zzz", []),
        (" traffic s", [7]),
    ],
)
def test_class_search(text: str, expected: list[int]):
    found = find_classes(SCHEME, text)
    assert found[: len(expected)] == expected
    assert bool(found) == bool(expected)


def test_outlook_says_what_reviewing_more_brings():
    found = Forecast(40, 0.912, 0.88, 0.94, 0.953, 0.92, 0.97, False, 30)
    told = "about 91 % of the area is right (88 to 94); after 40 more about 95 %"
    assert project_words.outlook(found, found) == told
    best = Forecast(40, 0.912, 0.88, 0.94, 0.972, 0.92, 0.97, False, 30)
    assert project_words.outlook(found, best) == told + ', in the order "expected gain" about 97 %'
    done = Forecast(3, 0.99, 0.98, 1.0, 0.991, 0.98, 1.0, True, 300)
    assert project_words.outlook(done, done).endswith("the next 3 in this order change little")


def test_outlook_of_an_empty_queue_says_what_is_right_and_no_more():
    done = Forecast(0, 0.999, 0.99, 1.0, 0.999, 0.99, 1.0, True, 300)
    assert project_words.outlook(done, done) == "about 100 % of the area is right (99 to 100)"


def test_one_of_anything_is_told_in_the_singular():
    alone = with_(area=1, touching=(), neighbours=(WALL,))
    told = [
        words.surroundings(alone, NAME),
        words.sentence(alone, NAME),
        words.conflicts(1, 1),
        decision_words.selected(1, 1, 1, decided=False),
        project_words.unscored(1, 1),
        project_words.left_out(["a"]),
        project_words.replaced(["a"]),
        project_words.progress(2, 1, 1, 0, 0),
        learnt(TeachResult(1, 1, 1, 1, 4.0)),
    ]
    for text in told:
        assert not re.search(r"\b1 (of 1 )?[a-z-]*s\b(?<!is)(?<!was)|\b1 [a-z]+ (are|were)\b", text), text
    assert project_words.unscored(1, 97).startswith("1 of 97 regions is not scored")
