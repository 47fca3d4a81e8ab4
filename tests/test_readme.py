from __future__ import annotations

import re
from pathlib import Path

from seco_core.scheme import builtin_schemes
from seco_viewer.shortcuts import markdown_table

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_key_table_is_the_one_that_the_window_uses():
    table = README.split("<!-- keys: python -m seco_viewer.shortcuts -->")[1].split("<!-- /keys -->")[0]
    assert table.strip() == markdown_table().strip()


def test_schemes_are_named():
    for name in builtin_schemes():
        assert f"`{name}`" in README


def test_links_and_pictures_exist():
    targets = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert targets
    for target in targets:
        assert (ROOT / target).exists(), target
