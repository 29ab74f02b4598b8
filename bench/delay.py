"""A line with a delay: `python -m bench.delay PORT SECONDS` prints a port, and passes on what comes
there, that much later.

It delays the line, not the command: whatever arrives goes on after the same time, in both
directions, so that commands which leave in one write arrive in one. It is a process of its own, and
passes on some thousand letters a second.
"""

from __future__ import annotations

import selectors
import socket
import sys
import time
from collections import deque
from typing import cast


def main(port: int, delay: float) -> None:
    poll = selectors.DefaultSelector()
    under_way: deque[tuple[float, socket.socket, bytes]] = (
        deque()
    )  # in the order in which it is due
    half: set[socket.socket] = set()  # read to the end, or written to the end

    def ended(one: socket.socket) -> None:
        if one in half:
            half.discard(one)
            one.close()
        else:
            half.add(one)

    with socket.create_server(("127.0.0.1", 0), backlog=1000) as door:
        print(door.getsockname()[1], flush=True)
        poll.register(door, selectors.EVENT_READ)
        while True:
            wait = max(0.0, under_way[0][0] - time.monotonic()) if under_way else None
            for key, _ in poll.select(wait):
                if key.data is None:
                    near, far = door.accept()[0], socket.create_connection(("127.0.0.1", port))
                    for one, other in ((near, far), (far, near)):
                        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                        poll.register(one, selectors.EVENT_READ, other)
                    continue
                one = cast(socket.socket, key.fileobj)
                data = _received(one)
                if not data:
                    poll.unregister(one)
                    ended(one)
                under_way.append((time.monotonic() + delay, key.data, data))
            while under_way and under_way[0][0] <= time.monotonic():
                _, to, data = under_way.popleft()
                _pass_on(to, data)
                if not data:
                    ended(to)


def _received(one: socket.socket) -> bytes:
    try:
        return one.recv(1 << 18)
    except ConnectionError:
        return b""


def _pass_on(to: socket.socket, data: bytes) -> None:
    """Write; both ends read at once, so that this does not wait. Nothing is the end of one
    direction.
    """
    try:
        if data:
            to.sendall(data)
        else:
            to.shutdown(socket.SHUT_WR)
    except OSError:  # the other end has gone
        return


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
