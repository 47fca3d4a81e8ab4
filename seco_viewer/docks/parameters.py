"""A form of the pipeline's parameters, generated from their declaration."""

from __future__ import annotations

import dataclasses
import html
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from seco_core.parameters import Parameters, parameter_fields
from seco_viewer.docks.files import PathLine

MAIN = ("masks.source", "masks.checkpoint", "scc.encoder", "scc.tau_ns", "scc.tau_cr", "device")
"""Parameters that are always visible; the others unfold."""

_PATHS = {"masks.checkpoint": "file", "masks.folder": "folder"}
_LARGEST = 2**31 - 1


class ParameterForm(QWidget):
    """Every parameter with its explanation as a tool tip and its limits kept.

    Parameters
    ----------
    parameters : Parameters
        What to begin with.
    """

    def __init__(self, parameters: Parameters):
        super().__init__()
        self._fields: dict[str, QWidget] = {}
        self._defaults: dict[str, Any] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        main, self.more = QWidget(), QWidget()
        forms = {True: _form(main), False: _form(self.more)}
        fields = dict(parameter_fields())
        for name in [*MAIN, *(n for n in fields if n not in MAIN)]:
            field = fields[name]
            editor = _editor(name, field)
            doc = field.metadata["doc"]
            tip = f"{doc} [{name}, default {field.default!r}]"
            editor.setToolTip(tip)
            label = QLabel(f"<b>{name}</b>: {html.escape(doc)}")
            label.setWordWrap(True)
            label.setToolTip(tip)
            forms[name in MAIN].addRow(label)
            forms[name in MAIN].addRow(editor)
            self._fields[name] = editor
        unfold = QToolButton()
        unfold.setText("more parameters")
        unfold.setCheckable(True)
        unfold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        unfold.setArrowType(Qt.ArrowType.RightArrow)
        unfold.toggled.connect(self.more.setVisible)
        unfold.toggled.connect(
            lambda on: unfold.setArrowType(Qt.ArrowType.DownArrow if on else Qt.ArrowType.RightArrow)
        )
        self.more.setVisible(False)
        for part in (main, unfold, self.more):
            layout.addWidget(part)
        self.set_parameters(parameters)

    def set_parameters(self, parameters: Parameters) -> None:
        """Show some parameters."""
        data = parameters.to_dict()
        for name, editor in self._fields.items():
            group, _, leaf = name.rpartition(".")
            value = (data[group] if group else data)[leaf]
            if isinstance(editor, QComboBox):
                editor.setCurrentText(str(value))
            elif isinstance(editor, QSpinBox | QDoubleSpinBox):
                editor.setValue(value)
            elif isinstance(editor, PathLine):
                editor.set_text(value)
            else:
                editor.setText(value)

    def parameters(self) -> Parameters:
        """What the form says.

        Raises
        ------
        ParameterError
            If a value makes no sense.
        """
        values: dict[str, Any] = {}
        for name, editor in self._fields.items():
            if isinstance(editor, QComboBox):
                values[name] = editor.currentText()
            elif isinstance(editor, QDoubleSpinBox):
                values[name] = round(editor.value(), editor.decimals())
            elif isinstance(editor, QSpinBox):
                values[name] = editor.value()
            else:
                values[name] = editor.text().strip()
        return Parameters().replace(**values)


def _form(widget: QWidget) -> QFormLayout:
    form = QFormLayout(widget)
    form.setContentsMargins(0, 0, 0, 0)
    form.setSpacing(4)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return form


def _editor(name: str, field: dataclasses.Field[Any]) -> QWidget:
    rule = field.metadata
    if "choices" in rule:
        choice = QComboBox()
        choice.addItems(list(rule["choices"]))
        return choice
    if name in _PATHS:
        return PathLine("file" if _PATHS[name] == "file" else "folder", "none")
    if isinstance(field.default, float):
        number = QDoubleSpinBox()
        number.setDecimals(3)
        number.setSingleStep(0.05)
        number.setRange(rule.get("minimum", 0.0), rule.get("maximum", 1e6))
        return number
    if isinstance(field.default, int):
        whole = QSpinBox()
        whole.setRange(rule.get("minimum", 0), rule.get("maximum", _LARGEST))
        return whole
    return QLineEdit()
