"""What the list of regions on the Queue page is narrowed to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from seco_core.scheme import ClassScheme
from seco_viewer.docks.classes import swatch
from seco_viewer.region_list import RegionState, RowFilter

_LARGEST_AREA = 2**31 - 1


class QueueFilters(QWidget):
    """Name, state, classes, noise score and size of the regions to list.

    Parameters
    ----------
    scheme : ClassScheme
        Of the project.

    Attributes
    ----------
    changed : Signal()
        Others are to be listed.
    """

    changed = Signal()

    def __init__(self, scheme: ClassScheme):
        super().__init__()
        self.name = QLineEdit()
        self.name.setPlaceholderText("part of an image's name")
        self.name.setClearButtonEnabled(True)
        self.state = combo("every state", "Where regions stand")
        for state, text in (
            (RegionState.FLAGGED, "flagged"),
            (RegionState.NOT_SCORED, "not scored"),
            (RegionState.KEPT, "kept"),
            (RegionState.REVIEWED, "reviewed"),
        ):
            self.state.addItem(text, state)
        self.of_class = combo("every class", "Only regions that are called this")
        self.predicted = combo("any prediction", "Only regions for which this is predicted")
        for c in scheme.classes:
            self.of_class.addItem(swatch(c.color), c.name, c.id)
            self.predicted.addItem(swatch(c.color), f"→ {c.name}", c.id)
        self.least_noise, self.most_noise = _score(0.0), _score(1.0)
        self.least, self.largest = _pixels("any"), _pixels("any")
        self.name.textChanged.connect(lambda _: self.changed.emit())
        for choice in (self.state, self.of_class, self.predicted):
            choice.currentIndexChanged.connect(lambda _: self.changed.emit())
        for box in (self.least_noise, self.most_noise, self.least, self.largest):
            box.valueChanged.connect(lambda _: self.changed.emit())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for part in (
            line((self.name, 3), (self.state, 2)),
            line((self.of_class, 1), (self.predicted, 1)),
            line((QLabel("noise"), 0), (self.least_noise, 1), (QLabel("to"), 0), (self.most_noise, 1)),
            line((QLabel("pixels"), 0), (self.least, 1), (QLabel("to"), 0), (self.largest, 1)),
        ):
            layout.addWidget(part)

    def wanted(self, only: NDArray[np.bool_] | None) -> RowFilter:
        """What is to be listed, of some regions only if they are given."""
        return RowFilter(
            image_name=self.name.text().strip(),
            class_id=self.of_class.currentData(),
            predicted=self.predicted.currentData(),
            state=self.state.currentData(),
            noise=(round(self.least_noise.value(), 2), round(self.most_noise.value(), 2)),
            area=(self.least.value(), self.largest.value() or None),
            rows=only,
        )


def combo(every: str, tip: str) -> QComboBox:
    """A choice that may be narrow, its first entry for none."""
    found = QComboBox()
    found.addItem(every, None)
    found.setToolTip(tip)
    found.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    found.setMinimumWidth(60)
    return found


def _score(value: float) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setRange(0.0, 1.0)
    box.setSingleStep(0.05)
    box.setValue(value)
    box.setToolTip("Least and highest noise score")
    _make_narrow(box)
    return box


def _pixels(every: str) -> QSpinBox:
    box = QSpinBox()
    box.setRange(0, _LARGEST_AREA)
    box.setSpecialValueText(every)
    box.setToolTip("Least and largest number of pixels")
    _make_narrow(box)
    return box


def _make_narrow(box: QAbstractSpinBox) -> None:
    """A box that is typed into, and tells what was typed when it is done."""
    box.setKeyboardTracking(False)
    box.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
    box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    box.setMinimumWidth(34)


def line(*parts: tuple[QWidget, int]) -> QWidget:
    """Widgets side by side, each with how much of what is left it takes."""
    box = QWidget()
    layout = QHBoxLayout(box)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(4)
    for part, stretch in parts:
        layout.addWidget(part, stretch)
    return box
