from __future__ import annotations

import pytest

from seco_core.texts import counted


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 regions"), (1, "1 region"), (2, "2 regions"), (1580, "1,580 regions")]
)
def test_the_noun_follows_the_number(number: int, text: str):
    assert counted(number, "region") == text


def test_what_has_a_plural_of_its_own_names_it():
    assert [counted(n, "image is", "images are") for n in (1, 2)] == ["1 image is", "2 images are"]
