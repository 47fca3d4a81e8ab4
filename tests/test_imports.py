from __future__ import annotations

import subprocess
import sys

BLOCKED = ("qtpy", "PyQt5", "PyQt6", "PySide6", "napari", "magicgui", "superqt", "vispy")

WALK = f"""
import importlib, pkgutil, sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {BLOCKED!r}:
            raise ImportError(name + " is not for the engine")

sys.meta_path.insert(0, Block())
import seco_core
names = [m.name for m in pkgutil.walk_packages(seco_core.__path__, "seco_core.")]
for name in names:
    importlib.import_module(name)
print(len(names))
"""


def test_engine_imports_without_qt_and_napari():
    done = subprocess.run([sys.executable, "-c", WALK], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 30


def test_session_and_words_need_no_qt():
    code = (
        "import sys\n"
        "import seco_viewer.session, seco_viewer.words, seco_viewer.shortcuts\n"
        "sys.exit(any(m.split('.')[0] in ('qtpy', 'PyQt5', 'PyQt6', 'napari') for m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
