"""A form of the pipeline's parameters, generated from their declaration."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
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

from seco_core.errors import ParameterError
from seco_core.parameters import Parameters, parameter_fields
from seco_viewer.docks.files import PathLine

MAIN: tuple[str, ...] = (
    "masks.source",
    "masks.checkpoint",
    "scc.encoder",
    "scc.tau_ns",
    "scc.tau_cr",
    "device",
)
"""Parameters that are always visible in a form of all of them."""

_GROUPS = {
    "": "All stages",
    "masks": "Masks",
    "psa": "Regions from masks (PSA)",
    "scc": "Wrong labels (SCC)",
    "graph": "Links between regions (graph)",
}
_PATHS = {"masks.checkpoint": "file", "masks.folder": "folder"}
_LARGEST = 2**31 - 1


class ParameterForm(QWidget):
    """Parameters with their explanations and their limits kept.

    Parameters
    ----------
    parameters : Parameters
        What to begin with.
    names : sequence of str, optional
        The parameters it has, by their dotted names; all if left out.
    main : sequence of str
        Those of them that are always visible; the others unfold.

    Attributes
    ----------
    edited : Signal()
        A value may be another one.
    """

    edited = Signal()

    def __init__(
        self, parameters: Parameters, names: Sequence[str] | None = None, main: Sequence[str] = MAIN
    ):
        super().__init__()
        self._fields: dict[str, QWidget] = {}
        self._labels: dict[str, QLabel] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        first, self.more = QWidget(), QWidget()
        forms = {True: _form(first), False: _form(self.more)}
        fields = dict(parameter_fields())
        above: str | None = None
        for name in [*main, *(n for n in names or fields if n not in main)]:
            field = fields[name]
            editor = _editor(name, field)
            form, tip = forms[name in main], parameter_tip(name)
            group = name.rpartition(".")[0]
            if name not in main and group != above:
                above = group
                form.addRow(QLabel(f"<b>{_GROUPS[group]}</b>"))
            editor.setToolTip(tip)
            label = QLabel(_capital(field.metadata["doc"]))
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            label.setToolTip(tip)
            form.addRow(label)
            form.addRow(editor)
            self._fields[name], self._labels[name] = editor, label
            _edited(editor).connect(lambda *_: self.edited.emit())
        self.unfold = QToolButton()
        self.unfold.setText("more parameters")
        self.unfold.setCheckable(True)
        self.unfold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.unfold.setArrowType(Qt.ArrowType.RightArrow)
        self.unfold.toggled.connect(self._unfold)
        self.more.setVisible(False)
        for part in (first, self.unfold, self.more):
            layout.addWidget(part)
        self.set_parameters(parameters)

    def set_parameters(self, parameters: Parameters, names: Sequence[str] | None = None) -> None:
        """Show the values of some parameters; of those named, or of all that the form has."""
        data = _flat(parameters)
        for name in names or self._fields:
            editor, value = self._fields[name], data[name]
            if isinstance(editor, QComboBox):
                editor.setCurrentText(str(value))
            elif isinstance(editor, QSpinBox | QDoubleSpinBox):
                editor.setValue(value)
            elif isinstance(editor, QCheckBox):
                editor.setChecked(value)
            elif isinstance(editor, PathLine):
                editor.set_text(value)
            else:
                editor.setText(str(value))

    def parameters(self) -> Parameters:
        """What the form says; parameters that it does not have keep their defaults.

        Raises
        ------
        ParameterError
            If a value makes no sense.
        """
        values: dict[str, Any] = {}
        fields = dict(parameter_fields())
        for name, editor in self._fields.items():
            if isinstance(editor, QComboBox):
                values[name] = editor.currentText()
            elif isinstance(editor, QDoubleSpinBox):
                values[name] = round(editor.value(), editor.decimals())
            elif isinstance(editor, QSpinBox):
                values[name] = editor.value()
            elif isinstance(editor, QCheckBox):
                values[name] = editor.isChecked()
            elif isinstance(fields[name].default, int):
                values[name] = _whole_number(name, editor.text())
            else:
                values[name] = editor.text().strip()
        return Parameters().replace(**values)

    def differences(self, base: Parameters) -> list[str]:
        """What is not as in other parameters, in words; those have their explanation in bold.

        Raises
        ------
        ParameterError
            If a value makes no sense.
        """
        now, before, told = _flat(self.parameters()), _flat(base), []
        for name, label in self._labels.items():
            differs = now[name] != before[name]
            if differs:
                told.append(f"{short_name(name)} {_told(before[name])} → {_told(now[name])}")
            font = label.font()
            if font.bold() != differs:
                font.setBold(differs)
                label.setFont(font)
        return told

    def _unfold(self, on: bool) -> None:
        self.more.setVisible(on)
        self.unfold.setArrowType(Qt.ArrowType.DownArrow if on else Qt.ArrowType.RightArrow)


def parameter_tip(name: str) -> str:
    """What a parameter does, with its name in files, the papers' symbol and its default."""
    field = dict(parameter_fields())[name]
    symbol = field.metadata.get("symbol")
    called = f"{name}, {symbol} in the papers" if symbol else name
    return f"{field.metadata['doc']} [{called}, default {field.default!r}]"


def short_name(name: str) -> str:
    """The beginning of what a parameter does, in quotation marks.

    Examples
    --------
    >>> short_name("psa.min_region_area")
    '“Regions of fewer pixels join the neighbour they touch most …”'
    """
    doc = _capital(dict(parameter_fields())[name].metadata["doc"])
    first = re.split("[,;(]", doc, maxsplit=1)[0].strip()
    return f"“{first}”" if first == doc else f"“{first} …”"


def _flat(parameters: Parameters) -> dict[str, Any]:
    data = parameters.to_dict()
    return {
        name: data[group][leaf] if group else data[leaf]
        for name, _ in parameter_fields()
        for group, _, leaf in [name.rpartition(".")]
    }


def _told(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value) or "none"


def _capital(text: str) -> str:
    return "SAM" + text[3:] if text.startswith("sam:") else text[:1].upper() + text[1:]


def _edited(editor: QWidget) -> Any:
    if isinstance(editor, QComboBox):
        return editor.currentTextChanged
    if isinstance(editor, QSpinBox | QDoubleSpinBox):
        return editor.valueChanged
    if isinstance(editor, QCheckBox):
        return editor.toggled
    return (editor.line if isinstance(editor, PathLine) else editor).textChanged


def _whole_number(name: str, text: str) -> int:
    try:
        return int(text.strip())
    except ValueError:
        raise ParameterError(f"{name} must be a whole number, not {text!r}.") from None


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
    if isinstance(field.default, bool):
        return QCheckBox()
    if isinstance(field.default, int) and rule.get("maximum", 0) > _LARGEST:
        return QLineEdit()  # a spin box cannot count so far
    if isinstance(field.default, int):
        whole = QSpinBox()
        whole.setRange(rule.get("minimum", 0), min(rule.get("maximum", _LARGEST), _LARGEST))
        return whole
    return QLineEdit()
