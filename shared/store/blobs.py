"""Texts of any length in binary properties: gzip, in chunks."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


CHUNK_BYTES = 65_536
MAX_CHUNKS = 15
"""A row is at most 1 MiB. An event is at most 1 MB, and whatever valid text that is, it can be pressed into
this: ASCII into seven eighths by gzip, a random mixture of alphabets by bzip2, which sees more than bytes."""


def pack(raw: str) -> dict[str, Any]:
    """Return a text of any length as properties: compressed, in binary chunks, with its size in bytes."""
    data = raw.encode("utf-8", "surrogatepass")
    chunks = _chunks(gzip.compress(data, compresslevel=6, mtime=0))
    if len(chunks) > MAX_CHUNKS:
        import bz2

        chunks = _chunks(bz2.compress(data))
    if len(chunks) > MAX_CHUNKS:
        # Event Grid delivers at most 1 MB, which fits. Should more ever come, its beginning is kept in the
        # clear, rather than nothing; `size` and the key's hash tell that it is not all.
        chunks = _chunks(gzip.compress(data[: CHUNK_BYTES * (MAX_CHUNKS - 1)], compresslevel=1, mtime=0))
    return {"size": len(data)} | {f"raw{index}": chunk for index, chunk in enumerate(chunks)}


def unpack(values: Mapping[str, Any]) -> str:
    """Read back what `pack` wrote."""
    return unpack_bytes(values).decode("utf-8", "replace")


def unpack_bytes(values: Mapping[str, Any]) -> bytes:
    """Read back what `pack` wrote, byte for byte."""
    chunks: list[bytes] = []
    while (chunk := values.get(f"raw{len(chunks)}")) is not None:
        chunks.append(bytes(chunk))
    packed = b"".join(chunks)
    if packed.startswith(b"BZh"):
        import bz2

        return bz2.decompress(packed)
    return gzip.decompress(packed) if packed else b""


def _chunks(packed: bytes) -> list[bytes]:
    return [packed[start : start + CHUNK_BYTES] for start in range(0, len(packed), CHUNK_BYTES)]
