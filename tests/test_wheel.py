from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

SEEN_BY_NAPARI = """
import npe2, seco_core
assert "site" in seco_core.__file__, seco_core.__file__
manager = npe2.PluginManager()
manager.discover(include_npe1=False)
manifest = manager.get_manifest("seco-viewer")
assert manifest.contributions.widgets, "no widget in the Plugins menu"
assert manifest.contributions.sample_data
print([w.display_name for w in manifest.contributions.widgets])
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked as pip would, in front of the editable checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_wheel_carries_resources_and_manifest(installed: Path):
    assert (installed / "seco_core" / "resources" / "schemes" / "cityscapes19.json").is_file()
    assert (installed / "seco_viewer" / "napari.yaml").is_file()
    assert not (installed / "tests").exists()


def test_installed_wheel_appears_in_napari(installed: Path, tmp_path: Path):
    done = run(installed, tmp_path, "-c", SEEN_BY_NAPARI)
    assert done.returncode == 0, done.stderr


def test_installed_wheel_runs_the_demo(installed: Path, tmp_path: Path):
    done = run(
        installed, tmp_path, "-m", "seco_core.cli", "demo", "--count", "2", "--height", "64", "--no-view"
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "demo" / "export" / "manifest.json").is_file()
