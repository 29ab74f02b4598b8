"""What a JPEG or PNG tells besides what it shows: place, camera, author, notes, a smaller picture
of what it was before it was cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Literal

_EXIF = {0x8825: "place (GPS)", 0x013B: "its author", 0x8298: "its author", 0x0110: "the camera"}
_ORIENTATION = 0x0112


def tells(raw: bytes) -> Iterator[str]:
    if raw.startswith(b"\x89PNG"):
        yield from _of_png(raw)
    else:
        yield from _of_jpeg(raw)


def stripped(raw: bytes) -> bytes:
    """Return the picture with its pixels, colours and orientation, and nothing else."""
    from PIL import Image

    picture = Image.open(BytesIO(raw))
    bare, out = Image.Exif(), BytesIO()
    if turned := picture.getexif().get(_ORIENTATION):
        bare[_ORIENTATION] = turned
    for said in ("comment", "xmp", "exif"):
        picture.info.pop(said, None)
    more = {key: picture.info[key] for key in ("dpi", "icc_profile") if key in picture.info}
    if picture.format == "PNG":
        picture.save(out, "PNG", exif=bare if turned else None, **more)
    else:  # "keep": the tables of the picture itself, so that it loses nothing that can be seen
        picture.save(out, "JPEG", quality="keep", exif=bare, **more)
    return out.getvalue()


def _of_jpeg(raw: bytes) -> Iterator[str]:
    at = 2
    while raw[at : at + 1] == b"\xff" and raw[at + 1 : at + 2] not in (b"\xda", b""):
        kind, size = raw[at + 1], int.from_bytes(raw[at + 2 : at + 4])
        part = raw[at + 4 : at + 2 + size]
        if kind == 0xE1 and part.startswith(b"Exif\0\0"):
            yield from _of_exif(part[6:])
        elif (kind == 0xE1 and b"adobe.com/x" in part) or kind == 0xED:
            yield "notes of a picture program"
        elif kind == 0xFE:
            yield f"a comment: {part[:40].decode('utf-8', 'replace')}"
        at += 2 + max(size, 2)


def _of_exif(raw: bytes) -> Iterator[str]:
    order: Literal["little", "big"] = "little" if raw[:2] == b"II" else "big"
    start = int.from_bytes(raw[4:8], order)
    end = start + 2 + 12 * int.from_bytes(raw[start : start + 2], order)
    for at in range(start + 2, end, 12):
        if (tag := int.from_bytes(raw[at : at + 2], order)) != _ORIENTATION and tag in _EXIF:
            yield _EXIF[tag]
    if int.from_bytes(raw[end : end + 4], order):
        yield "a small picture of what it was"


def _of_png(raw: bytes) -> Iterator[str]:
    at = 8
    while at + 8 <= len(raw):
        size, kind = int.from_bytes(raw[at : at + 4]), raw[at + 4 : at + 8]
        part = raw[at + 8 : at + 8 + size]
        if kind == b"eXIf":
            yield from _of_exif(part)
        elif kind in (b"tEXt", b"iTXt", b"zTXt") and not part.startswith(b"Software"):
            yield f"a note: {part.partition(bytes(1))[0].decode('latin-1')[:40]}"
        at += 12 + size
