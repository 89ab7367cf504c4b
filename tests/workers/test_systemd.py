"""Shows what systemd is told, over a socket such as it listens on."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from fhirexport_server.runtime import systemd


@pytest.fixture(params=["path", "abstract"])
def listener(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.settimeout(10)
        path = str(tmp_path / "notify.sock")
        name = path if request.param == "path" else f"@{path}"
        listener.bind(path if request.param == "path" else f"\0{path}")
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        yield listener


def test_states_are_told(listener: socket.socket) -> None:
    systemd.notify("READY=1")
    assert listener.recv(1024) == b"READY=1"
    systemd.reloading()
    assert listener.recv(1024).startswith(b"RELOADING=1\nMONOTONIC_USEC=")


@pytest.mark.parametrize("path", ["", "relative", "/nowhere/notify.sock"])
def test_without_anybody_who_listens_nothing_happens(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", path)
    systemd.notify("READY=1")
    monkeypatch.delenv("NOTIFY_SOCKET")
    systemd.notify("READY=1")
