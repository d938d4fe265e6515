"""CometBFT's frames on the socket: a length as a varint, and so many bytes of protobuf."""

from __future__ import annotations

from typing import Final

from google.protobuf.message import DecodeError

from kouan.engines.cometbft.proto.tendermint.abci import types_pb2 as abci

MAX_FRAME: Final = 64 << 20
_MAX_LENGTH_BYTES: Final = 5


class FrameError(Exception):
    """What came over the socket is not CometBFT's protocol; the text says what is wrong."""


class Frames:
    """Takes bytes as they come and gives requests."""

    def __init__(self, max_frame: int = MAX_FRAME) -> None:
        self._max_frame = max_frame
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[abci.Request]:
        """Return the requests that are complete now; raises FrameError."""
        buffer = self._buffer
        buffer += data
        requests: list[abci.Request] = []
        at = 0
        while (found := self._length(at)) is not None:
            start, size = found
            if len(buffer) < start + size:
                break
            requests.append(_request(bytes(memoryview(buffer)[start : start + size])))
            at = start + size
        if at:
            del buffer[:at]
        return requests

    def _length(self, at: int) -> tuple[int, int] | None:
        """Return where a frame's body begins and how long it is; None while that has not come."""
        size = 0
        for place in range(_MAX_LENGTH_BYTES):
            if at + place >= len(self._buffer):
                return None
            byte = self._buffer[at + place]
            size |= (byte & 0x7F) << 7 * place
            if byte < 0x80:
                if size > self._max_frame:
                    raise FrameError(f"a frame has at most {self._max_frame} bytes, this one {size}")
                return at + place + 1, size
        raise FrameError(f"a frame's length has at most {_MAX_LENGTH_BYTES} bytes")


def _request(body: bytes) -> abci.Request:
    try:
        request = abci.Request.FromString(body)
    except DecodeError as problem:
        raise FrameError(f"a frame of {len(body)} bytes is no request: {problem}") from None
    if request.WhichOneof("value") is None:
        raise FrameError(f"a frame of {len(body)} bytes is a request of no kind that is known")
    return request


def frame_of(response: abci.Response) -> bytes:
    """Return a response as it goes over the socket."""
    body = response.SerializeToString()
    size, head = len(body), bytearray()
    while size >= 0x80:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    head.append(size)
    return bytes(head) + body
