"""A room of its own for a fault campaign: processes, mounts and network that end with it, whatever happens.

The campaign runs in new process, mount and network namespaces (`unshare`). When it ends or is killed, the kernel ends
every process in it, and with the last one go the namespaces, the mounts and the devices: nothing is left to clean up.
Inside, each node gets a network namespace of its own. Root is needed, and the device for tunnels.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

TUNNEL: Final = Path("/dev/net/tun")
MTU: Final = 9000
"""Bytes in a packet: large, because each passes through Python."""
_NEW_NETWORK: Final = 0x40000000  # CLONE_NEWNET
_SET_TUNNEL: Final = 0x400454CA  # TUNSETIFF
_PLAIN_IP: Final = 0x1001  # IFF_TUN | IFF_NO_PI
_SET_FLAGS, _SET_ADDRESS, _SET_MASK, _SET_MTU = 0x8914, 0x8916, 0x891C, 0x8922
_UP_AND_RUNNING: Final = 0x41
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


def reason_against() -> str | None:
    """Why no campaign can run here, or None when it can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    missing = [name for name in ("bash", "setpriv", "unshare") if shutil.which(name) is None]
    if missing:
        return f"{missing[0]} is not installed"
    try:
        os.close(os.open(TUNNEL, os.O_RDWR))
    except OSError as problem:
        return f"{TUNNEL}: {problem.strerror}"
    return None


def isolated(command: Sequence[str]) -> list[str]:
    """Return the command line that runs a command in namespaces of its own and ends with whoever started it."""
    room = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    # A shell is the first process inside: it reaps those whose parents were killed.
    return ["setpriv", "--pdeathsig", "KILL", *room, "bash", "-c", '"$@"; exit $?', "bash", *command]


def new_network() -> int:
    """Make a network namespace and return its descriptor; the caller stays where it is."""
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        _checked(_LIBC.unshare(_NEW_NETWORK))
        made = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    finally:
        _checked(_LIBC.setns(own, _NEW_NETWORK))
        os.close(own)
    return made


@contextmanager
def inside(network: int) -> Iterator[None]:
    """Let this thread be in a network namespace: processes it starts and sockets it opens belong there."""
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    _checked(_LIBC.setns(network, _NEW_NETWORK))
    try:
        yield
    finally:
        _checked(_LIBC.setns(own, _NEW_NETWORK))
        os.close(own)


def tunnel(address: str) -> int:
    """Make this namespace's one device, with this address in a network of 256, and return its other end."""
    end = os.open(TUNNEL, os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(end, _SET_TUNNEL, struct.pack("16sH", b"wire", _PLAIN_IP))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        _ask(control, _SET_ADDRESS, b"wire", struct.pack("HH4s", socket.AF_INET, 0, socket.inet_aton(address)))
        _ask(control, _SET_MASK, b"wire", struct.pack("HH4s", socket.AF_INET, 0, b"\xff\xff\xff\0"))
        _ask(control, _SET_MTU, b"wire", struct.pack("i", MTU))
        for device in (b"wire", b"lo"):
            _ask(control, _SET_FLAGS, device, struct.pack("H", _UP_AND_RUNNING))
    return end


def _ask(control: socket.socket, request: int, device: bytes, value: bytes) -> None:
    fcntl.ioctl(control, request, struct.pack("16s24s", device, value))


def _checked(answer: int) -> None:
    if answer != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
