"""Nothing leaves this machine: the tests, and every Python they start, reach loopback only.

The name makes Python import this file at start-up wherever conftest.py put its folder on PYTHONPATH.
An attempt to look up or reach another host raises RuntimeError, which no library mistakes for an
ordinary network failure and swallows. A sitecustomize that was there before is run as well.
"""

import importlib.machinery
import importlib.util
import ipaddress
import os
import socket
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
LOCAL_NAMES = {"", "localhost", socket.gethostname()}
LOOK_UPS = {"socket.getaddrinfo", "socket.gethostbyname"}
CONTACTS = {"socket.connect", "socket.sendto", "socket.sendmsg"}


def refuse_the_network(event, arguments):
    if event in LOOK_UPS:
        host = arguments[0]
    elif event in CONTACTS and isinstance(arguments[1], tuple):  # not the path of a Unix socket
        host = arguments[1][0]
    else:
        return
    if not is_local(host):
        raise RuntimeError(f"kdlib works without a network, but something tried to reach {host!r}")


def is_local(host):
    name = host.decode() if isinstance(host, bytes) else host
    if name is None or name in LOCAL_NAMES:
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def run_the_one_before():
    elsewhere = [folder for folder in sys.path if os.path.abspath(folder) != HERE]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", elsewhere)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


sys.addaudithook(refuse_the_network)
if __name__ == "sitecustomize":
    run_the_one_before()
