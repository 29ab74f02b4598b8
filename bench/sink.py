"""An SMTP server that takes every letter and keeps none: `python -m bench.sink` prints its port,
then what it saw.

It is there for letters of a megabyte, where `smtp-sink` itself is the limit (it looks at every
byte; this one looks at the end of what arrives, for nobody sends on before the answer to DATA), and
to say when a letter was handed over: it prints a line for the first final dot on each connection,
with the number of dots so far and the time on the monotonic clock, which all processes of a machine
share.
"""

from __future__ import annotations

import selectors
import socket
import time
from dataclasses import dataclass

END = b"\r\n.\r\n"
GROUP = 4096  # bytes that may stand behind a final dot: MAIL, RCPT and DATA of the next letter
REPLIES = {
    b"EHLO": b"250-sink.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 bye\r\n",
}


@dataclass(slots=True)
class Visitor:
    socket: socket.socket
    body: bool = False  # between 354 and the final dot
    rest: bytes = b""  # of a command; or the end of a body, for a dot may come in two pieces
    dots: int = 0


class Sink:
    def __init__(self) -> None:
        self.dots = 0

    def take(self, visitor: Visitor, data: bytes | memoryview) -> bytes:
        """Take what has arrived, and return the answers to it."""
        answers = []
        rest = bytes(data[-GROUP:]) if visitor.body and len(data) > GROUP else visitor.rest + data
        while rest:
            if visitor.body:
                end = rest.find(END)
                if end < 0:
                    rest = rest[1 - len(END) :]
                    break
                visitor.body, rest = False, rest[end + len(END) :]
                self._dot(visitor)
                answers.append(b"250 taken\r\n")
                continue
            line, found, after = rest.partition(b"\r\n")
            if not found:
                break
            rest = after
            verb = line[:4].upper()
            answers.append(REPLIES.get(verb, b"250 yes\r\n"))
            visitor.body = verb == b"DATA"
            if visitor.body:
                rest = b"\r\n" + rest  # a letter may be a dot and nothing else
        visitor.rest = rest
        return b"".join(answers)

    def _dot(self, visitor: Visitor) -> None:
        self.dots += 1
        if not visitor.dots:
            print(self.dots, time.monotonic(), flush=True)
        visitor.dots += 1


def main() -> None:
    poll, sink, room = selectors.DefaultSelector(), Sink(), memoryview(bytearray(1 << 20))
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as door:
        print(door.getsockname()[1], flush=True)
        poll.register(door, selectors.EVENT_READ)
        while True:
            for key, _ in poll.select():
                if key.data is None:
                    visitor = Visitor(door.accept()[0])
                    visitor.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    visitor.socket.sendall(b"220 sink.example\r\n")
                    poll.register(visitor.socket, selectors.EVENT_READ, visitor)
                    continue
                visitor = key.data
                try:
                    size = visitor.socket.recv_into(room)
                    if size and (answers := sink.take(visitor, room[:size])):
                        visitor.socket.sendall(answers)
                except ConnectionError:  # whoever was killed says nothing
                    size = 0
                if not size:
                    poll.unregister(visitor.socket)
                    visitor.socket.close()


if __name__ == "__main__":
    main()
