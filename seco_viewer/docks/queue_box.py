"""The queue on the review page: how much is right and what going on would bring, its order, its filters."""

from __future__ import annotations

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from seco_core.feedback.forecast import Forecast
from seco_core.review import Order
from seco_core.texts import capitalized
from seco_viewer import project_words
from seco_viewer.docks.classes import swatch
from seco_viewer.docks.combos import Choice
from seco_viewer.docks.later import Later
from seco_viewer.session import Session

_FIRST = {
    Order.WORST: "the highest noise score, often of small regions.",
    Order.GAIN: "what puts most pixels right, here and in regions like it; the fewest reviews.",
    Order.HELPS: "what settles most regions like it.",
    Order.CLASS: "class after class, each worst first.",
}
_REST_MILLISECONDS = 400


class QueueBox(QWidget):
    """What is in the queue and what it will bring.

    Attributes
    ----------
    left : Signal()
        Choosing is over; the keys should work again.
    chosen_anew : Signal()
        Something else is in the queue, as was chosen here.
    """

    left = Signal()
    chosen_anew = Signal()

    def __init__(self, session: Session):
        super().__init__()
        self._session = session
        # the forecast for the queue as it is, and for the quickest order as it was when the keys rested
        self._found: Forecast | None = None
        self._best: Forecast | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        self.outlook = QLabel()
        self.outlook.setWordWrap(True)
        self.outlook.setToolTip("Told from what was reviewed so far, and from the noise scores of the rest.")
        self._later = Later(self.outlook, self._look_ahead)
        # in a large project each forecast takes as long as a key may
        self._rested = Later(self.outlook, self._compare_orders, _REST_MILLISECONDS)
        self.switch = QPushButton(f"Go on in the order “{Order.GAIN}”")
        self.switch.setToolTip(_FIRST[Order.GAIN])
        self.switch.clicked.connect(self._switch_order)
        self.switch.setVisible(False)
        layout.addWidget(self.outlook)
        layout.addWidget(self.switch)
        first, second = QHBoxLayout(), QHBoxLayout()
        self.which = Choice()
        self.which.addItems(["flagged", "not reviewed"])
        self.which.setToolTip(
            "What is in the queue: regions that the machine does not keep, or all that nobody has decided."
        )
        self.of_class = Choice()
        self.of_class.addItem("every class", None)
        for c in self._session.scheme.classes:
            self.of_class.addItem(swatch(c.color), c.name, c.id)
        self.of_class.setToolTip("Only regions that are called this.")
        self.this_image = QCheckBox("this image")
        self.this_image.setToolTip("Only regions of the image on screen.")
        self.order = Choice()
        for order in Order:
            self.order.addItem(order.value, order)
            self.order.setItemData(self.order.count() - 1, _FIRST[order], Qt.ItemDataRole.ToolTipRole)
        self.order.setToolTip(
            "What comes first in the queue. "
            + " ".join(f"{capitalized(o.value)}: {_FIRST[o]}" for o in Order)
        )
        self.order.currentIndexChanged.connect(lambda _: self._session.set_order(self.order.currentData()))
        for combo in (self.order, self.which, self.of_class):
            combo.left.connect(self.left)
        self.this_image.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        first.addWidget(self.order, 1)
        first.addWidget(self.which, 1)
        second.addWidget(self.of_class, 1)
        second.addWidget(self.this_image, 1)
        self.which.currentIndexChanged.connect(self._filter_changed)
        self.of_class.currentIndexChanged.connect(self._filter_changed)
        self.this_image.toggled.connect(self._filter_changed)
        layout.addLayout(first)
        layout.addLayout(second)
        self.chosen = QPushButton("only chosen regions ✕")
        self.chosen.setToolTip(
            "Only regions that were chosen on the Queue or the Plots page are in the queue; "
            "click to have all again that its filters let through."
        )
        self.chosen.clicked.connect(self._forget_chosen)
        layout.addWidget(self.chosen)
        self._show_filter()
        session.queue_changed.connect(self._queue_changed)

    def release(self) -> None:
        """Let go of the session."""
        self._later.stop()
        self._rested.stop()
        self._session.queue_changed.disconnect(self._queue_changed)

    def ask(self) -> None:
        """Something was decided, or the queue is another one: look ahead when the keys rest."""
        self._later.ask()

    # ----------------------------------------------------------------- inside

    def _look_ahead(self) -> None:
        """Say how much is right; without scores or reviews there is nothing to tell it from."""
        session = self._session
        told = session.reviewed.any() and bool(session.regions.probabilities.any())
        if not told:
            self._found = None
            self.outlook.setText("")
            self.switch.setVisible(False)
            return
        self._found = session.forecast()
        self._show_outlook()
        if session.order is not Order.GAIN:
            self._rested.ask()

    def _compare_orders(self) -> None:
        """See whether another order of the queue would be quicker."""
        self._best = self._session.forecast(order=Order.GAIN)
        self._show_outlook()

    def _show_outlook(self) -> None:
        if self._found is not None:
            best = self._best or self._found
            self.outlook.setText(project_words.outlook(self._found, best))
            self.switch.setVisible(project_words.quicker(self._found, best))

    def _switch_order(self) -> None:
        self.order.setCurrentIndex(list(Order).index(Order.GAIN))
        self.left.emit()

    def _queue_changed(self) -> None:
        self._found = self._best = None
        self.switch.setVisible(False)
        self._show_filter()

    def _show_filter(self) -> None:
        """What the queue holds, whoever has chosen it."""
        session = self._session
        for combo, index in (
            (self.order, list(Order).index(session.order)),
            (self.which, 0 if session.only_flagged else 1),
            (self.of_class, max(0, self.of_class.findData(session.only_class))),
        ):
            with QSignalBlocker(combo):
                combo.setCurrentIndex(index)
        with QSignalBlocker(self.this_image):
            self.this_image.setChecked(session.only_image is not None)
        self.chosen.setVisible(session.only_rows is not None)

    def _forget_chosen(self) -> None:
        self._session.limit(None, go_there=True)
        self.chosen_anew.emit()
        self.left.emit()

    def _filter_changed(self) -> None:
        self._session.set_filter(
            only_flagged=self.which.currentIndex() == 0,
            only_class=self.of_class.currentData(),
            only_image=self._session.image_id if self.this_image.isChecked() else None,
            only_rows=self._session.only_rows,
        )
        self.chosen_anew.emit()
