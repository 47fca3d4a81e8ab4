from __future__ import annotations

import pytest

from seco_viewer.docks.main import SecoDock

pytestmark = pytest.mark.gui


def test_every_state_of_every_project_has_a_folder_of_its_own(dock: SecoDock, tmp_path):
    export, path = dock.opened.export, dock.session.project.path.absolute()
    assert export.folder.path() == path / "export-clean"
    export.state.setCurrentIndex(export.state.findData("all"))
    assert export.folder.path() == path / "export-all"
    export.folder.set_text(str(tmp_path / "mine"))
    export.state.setCurrentIndex(export.state.findData("reviewed"))
    assert export.folder.path() == tmp_path / "mine"
