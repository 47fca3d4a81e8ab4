"""Listing, checking and downloading weights; the server is a local one."""

from __future__ import annotations

import hashlib
import http.server
import threading

import pytest
from typer.testing import CliRunner

from seco_core import weights as weights_module
from seco_core.cli import app
from seco_core.errors import WeightsError
from seco_core.progress import Cancelled, CancelToken
from seco_core.weights import KNOWN, Weights, download, find_weights, verify, weights_folder

CONTENT = bytes(range(256)) * 1000


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        if server.hangs_up:
            return
        server.asked.append(self.headers.get("Range"))
        start, content = 0, server.content
        if server.ranges and (asked := self.headers.get("Range")):
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            self.send_response(206)
        else:
            self.send_response(200 if content is not None else 404)
        body = (content or b"")[start:]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: server.cut])

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.content, server.ranges, server.cut, server.asked = CONTENT, True, None, []
    server.hangs_up = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def tiny(server):
    url = f"http://127.0.0.1:{server.server_port}/tiny.pth"
    return Weights("tiny", url, len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SECO_WEIGHTS", str(tmp_path / "weights"))


def test_download_arrives_whole_and_is_not_repeated(server, tiny, tmp_path):
    seen = []
    path = download(tiny, progress=seen.append)
    assert path == tmp_path / "weights" / "tiny.pth"
    assert path.read_bytes() == CONTENT
    assert seen[-1].done == seen[-1].total == len(CONTENT)
    assert [p.name for p in path.parent.iterdir()] == ["tiny.pth"]
    assert download(tiny) == path
    assert len(server.asked) == 1


def test_a_cut_off_download_goes_on_where_it_stopped(server, tiny, tmp_path):
    server.cut = 100_000
    with pytest.raises(WeightsError, match="again to go on"):
        download(tiny)
    part = tmp_path / "weights" / "tiny.pth.part"
    assert part.read_bytes() == CONTENT[: part.stat().st_size]
    there = part.stat().st_size
    assert there > 0
    server.cut = None
    assert download(tiny).read_bytes() == CONTENT
    assert server.asked == [None, f"bytes={there}-"]


def test_a_server_without_ranges_sends_all_again(server, tiny, tmp_path):
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "tiny.pth.part").write_bytes(CONTENT[:5000])
    server.ranges = False
    assert download(tiny).read_bytes() == CONTENT


def test_a_complete_part_is_only_checked(server, tiny, tmp_path):
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "tiny.pth.part").write_bytes(CONTENT)
    assert download(tiny).read_bytes() == CONTENT
    assert server.asked == []


def test_what_is_not_as_published_is_removed(server, tiny, tmp_path):
    server.content = CONTENT[:-1] + b"x"
    with pytest.raises(WeightsError, match=tiny.sha256):
        download(tiny)
    assert list((tmp_path / "weights").iterdir()) == []


def test_a_damaged_file_is_downloaded_again(server, tiny, tmp_path):
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "tiny.pth").write_bytes(CONTENT[:-1] + b"x")
    assert download(tiny).read_bytes() == CONTENT


def test_cancelling_keeps_what_came(server, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(weights_module, "_CHUNK", 1000)
    token = CancelToken()

    def stop(event):
        if event.done >= 3000:
            token.cancel()

    with pytest.raises(Cancelled):
        download(tiny, progress=stop, cancel=token)
    assert (tmp_path / "weights" / "tiny.pth.part").read_bytes() == CONTENT[:3000]
    assert download(tiny).read_bytes() == CONTENT


def test_an_unreachable_server_is_named(server, tiny):
    server.content = None
    with pytest.raises(WeightsError, match=r"127\.0\.0\.1.*Not Found"):
        download(tiny)
    nowhere = Weights("x", "http://127.0.0.1:9/x.pth", 10, "0" * 64)
    with pytest.raises(WeightsError, match="cannot be downloaded"):
        download(nowhere)


def test_a_server_that_hangs_up_is_named(server, tiny):
    server.hangs_up = True
    with pytest.raises(WeightsError, match=r"127\.0\.0\.1.*cannot be downloaded"):
        download(tiny)


def test_a_full_disk_is_said_before(tiny, server, monkeypatch):
    huge = Weights("tiny", tiny.url, 1 << 62, tiny.sha256)
    with pytest.raises(WeightsError, match="SECO_WEIGHTS"):
        download(huge)
    assert server.asked == []


def test_verify_says_what_is_wrong(tiny, tmp_path):
    path = tmp_path / "tiny.pth"
    with pytest.raises(WeightsError, match="no such file"):
        verify(path, [tiny])
    path.write_bytes(CONTENT)
    assert verify(path, [tiny]) is tiny
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(WeightsError, match=f"not whole: {len(CONTENT) - 1} of {len(CONTENT)}"):
        verify(path, [tiny])
    path.write_bytes(b"x" + CONTENT[1:])
    with pytest.raises(WeightsError, match="damaged"):
        verify(path, [tiny])
    path.rename(tmp_path / "other.pth")
    (tmp_path / "other.pth").write_bytes(b"something")
    with pytest.raises(WeightsError, match="none of the known"):
        verify(tmp_path / "other.pth", [tiny])


def test_known_weights_are_complete():
    assert [w.name for w in KNOWN] == ["vit_b", "vit_l", "vit_h"]
    for known in KNOWN:
        assert len(known.sha256) == 64
        assert known.file_name.startswith(f"sam_{known.name}_")
        assert known.size > 3e8


def test_a_downloaded_name_is_found(tmp_path):
    with pytest.raises(WeightsError, match="seco weights download vit_b"):
        find_weights("vit_b")
    weights_folder().mkdir()
    file = weights_folder() / KNOWN[0].file_name
    file.write_bytes(b"")
    assert find_weights("vit_b") == file
    assert find_weights(file) == file


# the command


def seco(*arguments: object):
    return CliRunner().invoke(app, ["weights", *map(str, arguments)])


def test_list_shows_sizes_and_hashes(tmp_path):
    said = seco("list").output
    for known in KNOWN:
        assert f"{known.size} bytes" in said
        assert known.sha256 in said
    assert str(tmp_path / "weights") in said.replace("\n", "")


def test_download_and_verify_commands(server, tiny, monkeypatch, tmp_path):
    monkeypatch.setattr(weights_module, "KNOWN", (tiny,))
    monkeypatch.setattr(verify, "__defaults__", ((tiny,),))
    done = seco("download", "tiny")
    assert done.exit_code == 0, done.output
    assert "--sam-checkpoint tiny" in done.output
    done = seco("verify", tmp_path / "weights" / "tiny.pth")
    assert done.exit_code == 0
    assert tiny.sha256 in done.output
    (tmp_path / "weights" / "tiny.pth").write_bytes(b"short")
    assert seco("verify", tmp_path / "weights" / "tiny.pth").exit_code == 2
    done = seco("download", "nothing")
    assert done.exit_code == 2
    assert "tiny" in done.output
