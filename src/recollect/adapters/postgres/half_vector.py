"""Vectors as pgvector's type `halfvec`: float16, big endian, behind their length."""

import struct
from collections.abc import Sequence

import numpy as np
from psycopg.adapt import Dumper
from psycopg.pq import Format

from recollect.domain.passages import FloatMatrix, FloatVector


class HalfVector:
    """A vector on its way to the server."""

    def __init__(self, vector: FloatVector) -> None:
        self.binary = struct.pack(">hh", len(vector), 0) + vector.astype(">f2").tobytes()


class HalfVectorDumper(Dumper):
    """Hands a HalfVector to the server, which takes its type from the statement."""

    format = Format.BINARY

    def dump(self, obj: HalfVector) -> bytes:
        return obj.binary


def unpacked(embeddings: Sequence[bytes]) -> FloatMatrix:
    """The vectors that the server sent, `(n, dimensions)`."""
    halves = np.frombuffer(b"".join(sent[4:] for sent in embeddings), dtype=">f2")
    return halves.reshape(len(embeddings), -1).astype(np.float32)
