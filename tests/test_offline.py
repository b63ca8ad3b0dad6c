"""Lessons and tests run without a network, and the rule that proves it holds in every process."""

import os
import socket
import subprocess
import sys

import pytest
from jupyter_client.manager import start_new_kernel

REACH_OUT = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)"  # RFC 5737


def python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | environment
    )


def test_this_process_cannot_reach_out():
    for attempt in (
        lambda: socket.create_connection(("192.0.2.1", 80), timeout=1),
        lambda: socket.getaddrinfo("example.org", 80),
        lambda: socket.gethostbyname("example.org"),
    ):
        with pytest.raises(RuntimeError, match="without a network"):
            attempt()
    with socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        with pytest.raises(RuntimeError, match="without a network"):
            datagrams.sendto(b"x", ("192.0.2.1", 53))


def test_a_process_that_a_test_starts_cannot_reach_out():
    run = python(REACH_OUT)
    assert run.returncode == 1 and "without a network" in run.stderr


def test_a_kernel_cannot_reach_out():
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        reply = client.execute_interactive(REACH_OUT, timeout=60, output_hook=lambda message: None)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert reply["content"]["ename"] == "RuntimeError"
    assert "without a network" in reply["content"]["evalue"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_loopback_works(host):
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection((host, server.getsockname()[1]), timeout=5) as client:
            answering, _ = server.accept()
            with answering:
                answering.sendall(b"hello")
            assert client.recv(5) == b"hello"


def test_unix_sockets_work():
    one, other = socket.socketpair()
    with one, other:
        one.sendall(b"hello")
        assert other.recv(5) == b"hello"


def test_a_sitecustomize_that_was_there_before_still_runs(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.set_before = 'seen'\n")
    path = os.pathsep.join([os.environ["PYTHONPATH"], str(tmp_path)])
    run = python(f"import sys; print(sys.set_before); {REACH_OUT}", PYTHONPATH=path)
    assert run.stdout.strip() == "seen" and "without a network" in run.stderr
