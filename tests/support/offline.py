"""Run a command where there is no network: `python tests/support/offline.py COMMAND ...`.

The command gets a network namespace of its own, in which there is nothing but the loopback, up, for a Jupyter kernel
talks to its client over it. All that it starts is in there, too. Linux only; where the kernel does not permit it,
status 77.
"""

import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import sys
from functools import cache
from pathlib import Path

NEW_USER, NEW_NET = 0x10000000, 0x40000000  # of unshare(2)
GET_FLAGS, SET_FLAGS, UP = 0x8913, 0x8914, 1  # of netdevice(7)
NOT_PERMITTED = 77
OUTSIDE = "192.0.2.1"  # an address for documentation, which is nobody's
PREFIX = (sys.executable, str(Path(__file__).resolve()))


@cache
def permitted() -> bool:
    """Whether a command can be run without network on this machine."""
    return sys.platform == "linux" and subprocess.run([*PREFIX, "true"], capture_output=True).returncode == 0


def enter() -> None:
    """Leave the network for good. Raises OSError where that is not permitted."""
    user, group = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(NEW_NET if user == 0 else NEW_NET | NEW_USER):
        raise OSError(ctypes.get_errno(), "unshare")
    if user:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        (flags,) = struct.unpack("16xh", fcntl.ioctl(any_socket, GET_FLAGS, struct.pack("16sh", b"lo", 0)))
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sh", b"lo", flags | UP))


def refusal() -> str:
    """What the kernel says of a connection to elsewhere; nothing if it is made."""
    try:
        socket.create_connection((OUTSIDE, 80), timeout=2).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def namespace() -> str:
    """The network namespace that this process is in."""
    return str(Path("/proc/self/ns/net").readlink())


if __name__ == "__main__":
    try:
        enter()
    except (OSError, AttributeError) as error:
        print(f"offline: {error}", file=sys.stderr)
        sys.exit(NOT_PERMITTED)
    print(f"offline: in {namespace()}, {OUTSIDE}: {refusal()}", file=sys.stderr, flush=True)
    os.execvp(sys.argv[1], sys.argv[1:])
