"""What one sees before a project is open: open one, make one, or try the example."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QGroupBox,
    QLabel,
    QPushButton,
    QShortcut,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from seco_core.dataset import open_dataset
from seco_core.demo import make_example_project
from seco_core.progress import CancelToken, ProgressCallback, ProgressEvent
from seco_core.project import Project
from seco_core.project.store import STORE_NAME
from seco_core.scheme import builtin_schemes, default_scheme, load_scheme
from seco_viewer.docks.buttons import in_brackets
from seco_viewer.docks.files import PathLine
from seco_viewer.docks.work_bar import WorkBar
from seco_viewer.projects import get_project
from seco_viewer.shortcuts import keys_by_reach, spellings
from seco_viewer.workers import Job, Work

_OWN_SCHEME = "dataset's own or cityscapes19"
_EXAMPLE_COUNT, _EXAMPLE_SIZE, _EXAMPLE_SEED = 12, (256, 512), 0


class StartPage(QWidget):
    """Three ways to a project.

    Parameters
    ----------
    open_project : callable
        Opens a project folder; whether it could.
    say : callable
        Shows a message; ``wrong=True`` for errors.

    Attributes
    ----------
    made : Signal(str)
        A project was made and opened; it is to be run.
    left_out : Signal(list)
        Why it was made without some of the dataset's images, one text each.
    """

    made = Signal(str)
    left_out = Signal(list)

    def __init__(self, open_project: Callable[[Path], bool], say: Callable[..., None]):
        super().__init__()
        self._open_project = open_project
        self._say = say
        self._job: Job | None = None
        self._last = Path()
        self.example_count, self.example_size = _EXAMPLE_COUNT, _EXAMPLE_SIZE
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(10)
        title = QLabel(
            "<h3>Review pseudo-labels region by region</h3>"
            "Machine-made labels go in; the doubtful regions come up worst first; you decide with one key "
            "each; a clean label set comes out."
        )
        title.setWordWrap(True)
        layout.addWidget(title)
        self.again = QPushButton()
        self.again.setStyleSheet("font-weight: bold")
        self.again.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.again.setVisible(False)
        self.again.clicked.connect(self.go_on)
        layout.addWidget(self.again)
        for entry, key in keys_by_reach()[0]:
            if entry.id == "resume":
                # wherever the focus is: before a project is open, nothing else wants the key
                for spelling in spellings(key):
                    bound = QShortcut(QKeySequence(spelling), self.again)
                    bound.activated.connect(self.go_on)
        for part in (self._make_example(), self._make_open(), self._make_new()):
            layout.addWidget(part)
        self.progress = WorkBar()
        layout.addWidget(self.progress)
        layout.addStretch(1)

    def _make_example(self) -> QWidget:
        box, form = _group("Try it")
        self.example_folder = PathLine("folder", "folder for the example")
        self.example_folder.set_text(str(Path.home() / "seco_example"))
        self.example_button = QPushButton("Make the example and run it")
        self.example_button.setToolTip("Generated street scenes with plausible mistakes.")
        self.example_button.clicked.connect(self.make_example)
        form.addRow("folder", self.example_folder)
        form.addRow(self.example_button)
        return box

    def _make_open(self) -> QWidget:
        box, form = _group("Open a project")
        self.project_folder = PathLine("folder", f"folder that holds {STORE_NAME}")
        self.project_folder.line.returnPressed.connect(self.open)
        self.open_button = QPushButton("Open")
        self.open_button.clicked.connect(self.open)
        form.addRow("project", self.project_folder)
        form.addRow(self.open_button)
        return box

    def _make_new(self) -> QWidget:
        box, form = _group("New project from a dataset")
        self.dataset = PathLine("either", "folder, or list file", "List files (*.txt *.tsv *.lst);;All (*)")
        self.dataset.setToolTip("Layouts of SeCo, Cityscapes and BDD, or a list: image, pseudo-label, ...")
        self.scheme = QComboBox()
        self.scheme.addItems([_OWN_SCHEME, *builtin_schemes()])
        self.scheme.setEditable(True)
        self.scheme.setToolTip("The classes: a built-in scheme, or the path of a .json or .toml file.")
        self.scheme.setMinimumContentsLength(10)
        self.new_folder = PathLine("folder", "where the project is kept")
        self.new_button = QPushButton("Make the project")
        self.new_button.clicked.connect(self.make_new)
        form.addRow("dataset", self.dataset)
        form.addRow("classes", self.scheme)
        form.addRow("project", self.new_folder)
        form.addRow(self.new_button)
        return box

    def offer(self, project: str) -> None:
        """Offer to go on with a project, if it is still there."""
        self._last = Path(project)
        there = bool(project) and get_project(project) is not None
        self.again.setVisible(there)
        if there:
            self.again.setText(f"Go on with {project_name(self._last)} {in_brackets('resume')}")
            self.again.setToolTip(project)

    def go_on(self) -> None:
        """Open the project that was open last."""
        self._open_project(self._last)

    def open(self) -> None:
        """Open the project of the line."""
        path = self.project_folder.path()
        if path is None:
            self._say("Choose a project folder first.", wrong=True)
        else:
            self._open_project(path)

    def make_example(self) -> None:
        """Make the example project, open it and ask for a run."""
        folder = self.example_folder.path()
        if folder is None:
            self._say("Choose a folder for the example first.", wrong=True)
            return
        work = partial(_make_example, folder, self.example_count, self.example_size)
        self._start(work, "making the example")

    def make_new(self) -> None:
        """Make a project of the dataset, open it and ask for a run."""
        dataset, folder = self.dataset.path(), self.new_folder.path()
        if dataset is None or folder is None:
            self._say("Choose a dataset and a project folder first.", wrong=True)
            return
        if (there := get_project(folder)) is not None:
            self.project_folder.set_text(str(there))
            self.open_button.setFocus()
            self._say(f"There is a project in {there} already: Open goes on with it.", wrong=True)
            return
        scheme = self.scheme.currentText().strip()
        self._start(
            partial(_make_project, dataset, "" if scheme == _OWN_SCHEME else scheme, folder), "reading"
        )

    def _start(self, work: Work, title: str) -> None:
        if self._job is not None:
            return
        self._job = Job(work, title)
        self._job.progressed.connect(self._progressed)
        self._job.succeeded.connect(self._succeeded)
        self._job.failed.connect(partial(self._say, wrong=True))
        self._job.ended.connect(self._ended)
        self._say(f"{title} …")
        self._set_busy(True)
        self._job.start()

    def _progressed(self, event: ProgressEvent) -> None:
        self.progress.follow(event)

    def _succeeded(self, made: tuple[Path, list[str]]) -> None:
        path, problems = made
        if self._open_project(path):
            self.made.emit(str(path))
            if problems:
                self.left_out.emit(problems)

    def _ended(self) -> None:
        self._job = None
        self._set_busy(False)

    def _set_busy(self, busy: bool) -> None:
        self.progress.begin()
        self.progress.setVisible(busy)
        for button in (self.example_button, self.open_button, self.new_button):
            button.setEnabled(not busy)


def project_name(path: Path) -> str:
    """A project's folder, with the folder around it where its own name tells nothing.

    Examples
    --------
    >>> project_name(Path("/data/camvid/project")), project_name(Path("/data/camvid"))
    ('camvid/project', 'camvid')
    """
    return f"{path.parent.name}/{path.name}" if path.name == "project" else path.name


def _group(title: str) -> tuple[QGroupBox, QFormLayout]:
    box = QGroupBox(title)
    form = QFormLayout(box)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return box, form


def _make_example(
    folder: Path, count: int, size: tuple[int, int], progress: ProgressCallback, cancel: CancelToken
) -> Any:
    made = make_example_project(
        folder, count=count, size=size, seed=_EXAMPLE_SEED, progress=progress, cancel=cancel
    )
    return made, []


def _make_project(
    dataset: Path, scheme: str, folder: Path, progress: ProgressCallback, cancel: CancelToken
) -> Any:
    found = open_dataset(dataset)
    Project.create(folder, load_scheme(scheme or default_scheme(found.root)), found).close()
    return folder, [str(problem) for problem in found.problems]
