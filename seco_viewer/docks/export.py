"""Exporting the curated label set."""

from __future__ import annotations

import html
from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, QUrl, Signal
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from seco_core.export import ExportReport, export
from seco_core.progress import CancelToken, ProgressCallback, ProgressEvent
from seco_core.project import Project
from seco_core.texts import counted
from seco_viewer import project_words
from seco_viewer.docks.files import PathLine
from seco_viewer.docks.work_bar import WorkBar
from seco_viewer.session import Session
from seco_viewer.workers import Job

_STATES = (
    ("clean", "clean: kept, corrected and reviewed", "Dropped regions nobody has looked at get no label."),
    ("reviewed", "reviewed: only what a person decided", "All other pixels get no label."),
    ("all", "all: every region has a label", "Dropped regions nobody has looked at keep their class."),
)


class ExportPanel(QWidget):
    """What to export, where to, and what came of it.

    Attributes
    ----------
    ended : Signal()
        An export has ended, however.
    """

    ended = Signal()

    def __init__(self, session: Session):
        super().__init__()
        self._session = session
        self._job: Job | None = None
        self._refused = False
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.setSpacing(6)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.state = QComboBox()
        for i, (state, text, tip) in enumerate(_STATES):
            self.state.addItem(text, state)
            self.state.setItemData(i, tip, Qt.ItemDataRole.ToolTipRole)
        self.state.setMinimumContentsLength(12)
        self.folder = PathLine("folder", "folder of the label set")
        self.folder.set_text(self._own_folder())
        self._offered = self.folder.text()
        self.state.currentIndexChanged.connect(self._offer)
        form.addRow("labels", self.state)
        form.addRow("folder", self.folder)
        what = QLabel(
            "Writes class-id and colour PNGs, list files, a CSV of all decisions and a manifest with "
            "checksums. An earlier export in the folder is replaced when the new one is complete."
        )
        what.setWordWrap(True)
        self.export_button = QPushButton("Export")
        self.export_button.setStyleSheet("font-weight: bold")
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setEnabled(False)
        self.export_button.clicked.connect(self.export)
        self.cancel_button.clicked.connect(self._cancel)
        buttons = QHBoxLayout()
        buttons.addWidget(self.export_button, 2)
        buttons.addWidget(self.cancel_button, 1)
        self.progress = WorkBar()
        self.result = QLabel()
        self.result.setWordWrap(True)
        self.result.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.open_button = QPushButton("Open the folder")
        self.open_button.setVisible(False)
        self.open_button.clicked.connect(self._open)
        self._exported: Path | None = None
        layout.addLayout(form)
        layout.addWidget(what)
        layout.addLayout(buttons)
        for part in (self.progress, self.result, self.open_button):
            layout.addWidget(part)
        layout.addStretch(1)

    @property
    def running(self) -> bool:
        """Whether an export is going on."""
        return self._job is not None

    def _own_folder(self) -> str:
        """The same as `seco export` takes: no other project or state has it."""
        return str(self._session.project.path.absolute() / f"export-{self.state.currentData()}")

    def _offer(self) -> None:
        if self.folder.text() == self._offered:
            self._offered = self._own_folder()
            self.folder.set_text(self._offered)

    def export(self) -> None:
        """Begin to export."""
        folder = self.folder.path()
        if self._job is not None:
            return
        if folder is None:
            self._tell("Choose a folder first.", wrong=True)
            return
        work = partial(_export, self._session.project.path, folder, self.state.currentData())
        self._job = Job(work, "SeCo export")
        self._job.progressed.connect(self._progressed)
        self._job.succeeded.connect(self._succeeded)
        self._job.failed.connect(partial(self._tell, wrong=True))
        self._job.cancelled.connect(partial(self._tell, "Cancelled. Nothing was exported."))
        self._job.ended.connect(self._ended)
        self.export_button.setEnabled(False)
        self.cancel_button.setEnabled(True)
        self.open_button.setVisible(False)
        self.progress.begin()
        self._tell("")
        self._job.start()

    def _cancel(self) -> None:
        if self._job is not None:
            self._job.cancel()

    def _progressed(self, event: ProgressEvent) -> None:
        self.progress.follow(event)

    def _succeeded(self, report: ExportReport) -> None:
        self._exported = report.path
        lines = [
            f"<b>{counted(report.images, 'image')}</b> exported, "
            f"{report.covered:.1%} of the pixels have a label.",
            f"{counted(report.labelled, 'of them is', 'of them are')} in the list of labelled images.",
            f"{counted(report.files, 'file')} in {html.escape(str(report.path))}",
            *(f"⚠ {html.escape(project_words.in_window(str(problem)))}" for problem in report.problems[:10]),
        ]
        self.result.setText("<br>".join(lines))
        self.open_button.setVisible(True)

    def forget_refusal(self) -> None:
        """What stood in the way of an export may do so no more."""
        if self._refused:
            self._tell("")

    def _tell(self, text: str, *, wrong: bool = False) -> None:
        self._refused = wrong
        self.result.setText(("⚠ " if wrong else "") + html.escape(project_words.in_window(text)))

    def _ended(self) -> None:
        self._job = None
        self.export_button.setEnabled(True)
        self.cancel_button.setEnabled(False)
        self.progress.setVisible(False)
        self.ended.emit()

    def _open(self) -> None:
        if self._exported is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._exported)))


def _export(path: Path, folder: Path, state: str, progress: ProgressCallback, cancel: CancelToken) -> Any:
    with Project.open(path, readonly=True) as project:
        return export(project, folder, state=state, progress=progress, cancel=cancel)
