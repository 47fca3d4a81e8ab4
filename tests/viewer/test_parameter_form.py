from __future__ import annotations

from pathlib import Path

import pytest
from qtpy.QtWidgets import QDoubleSpinBox, QLabel, QSpinBox

from seco_core.parameters import Parameters, parameter_fields
from seco_viewer.docks.main import SecoDock
from seco_viewer.docks.parameters import ParameterForm
from tests.viewer.scenes import make_project

pytestmark = pytest.mark.gui


def _bold(form: ParameterForm) -> set[str]:
    return {label.text() for label in form.findChildren(QLabel) if label.font().bold()}


def test_what_differs_is_told_in_words_and_bold(qtbot):
    form = ParameterForm(Parameters())
    qtbot.addWidget(form)
    assert form.differences(Parameters()) == []
    assert not _bold(form)
    form.set_parameters(
        Parameters().replace(**{"masks.parts": 2000, "scc.cleanlab": True, "masks.folder": "x"})
    )
    assert form.differences(Parameters()) == [
        "“Hierarchy: watershed parts per image at the finest scale” 4000 → 2000",
        "“Files: folder with one COCO RLE .json per image” none → x",
        "“Store cleanlab's label quality as a second opinion …” off → on",
    ]
    assert len(_bold(form)) == 3
    form.set_parameters(Parameters())
    assert form.differences(Parameters()) == []
    assert not _bold(form)


@pytest.mark.parametrize("name", [name for name, _ in parameter_fields()])
def test_every_parameter_says_when_it_is_edited(qtbot, name: str):
    form = ParameterForm(Parameters())
    qtbot.addWidget(form)
    field = dict(parameter_fields())[name]
    if "choices" in field.metadata:
        value = field.metadata["choices"][-1]
    elif isinstance(field.default, bool):
        value = not field.default
    elif isinstance(field.default, float):
        value = 0.123
    else:
        value = "other" if isinstance(field.default, str) else field.default + 10
    with qtbot.waitSignal(form.edited):
        form.set_parameters(Parameters().replace(**{name: value}))
    (told,) = form.differences(Parameters())
    assert str(value) in told or told.endswith("on")


def test_the_pipeline_page_says_what_a_run_would_change(dock: SecoDock, qtbot):
    dock.show()
    pipeline = dock.opened.pipeline
    dock.tabs.go_to(pipeline)
    qtbot.waitUntil(lambda: pipeline.differs.text() == "Nothing differs from the last run.")
    share = pipeline.form.findChildren(QDoubleSpinBox)[0]
    before = share.value()
    share.setValue(0.25)
    qtbot.waitUntil(lambda: f"{before} → 0.25" in pipeline.differs.text())
    assert pipeline.differs.text().startswith("Differs from the last run: “")
    for number in pipeline.form.findChildren(QSpinBox):
        number.setValue(number.value() + 1)
    qtbot.waitUntil(lambda: "more, in bold" in pipeline.differs.text())
    pipeline.form.set_parameters(Parameters())
    qtbot.waitUntil(lambda: pipeline.differs.text() == "Nothing differs from the last run.")


def test_before_the_first_run_it_compares_with_the_defaults(bare_dock: SecoDock, tmp_path: Path, qtbot):
    bare_dock.open_project(make_project(tmp_path / "new", scored=False))
    bare_dock.show()
    pipeline = bare_dock.opened.pipeline
    bare_dock.tabs.go_to(pipeline)
    qtbot.waitUntil(lambda: pipeline.differs.text() == "Nothing differs from the defaults.")
    pipeline.form.set_parameters(Parameters().replace(seed=7))
    qtbot.waitUntil(
        lambda: pipeline.differs.text() == "Differs from the defaults: “Seed of everything random” 0 → 7."
    )
