"""A store on disk for what a fixed encoder says about windows, so that it runs once in all epochs."""

from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import numpy
from numpy.typing import NDArray
from spacy.util import logger

RECORD = numpy.dtype([("key", "V16"), ("offset", "<u8"), ("pieces", "<u4")])


def digest_weights(weights: dict, *settings: Any) -> str:
    """Name an encoder by all that its vectors depend on.

    weights (dict[str, Tensor]): Its state dict.
    settings (Any): How it runs; two that differ must not look the same.
    RETURNS (str): The digest.
    """
    digest = blake2b(repr(settings).encode(), digest_size=16)
    for name, value in weights.items():
        digest.update(name.encode() + value.float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


class FeatureCache:
    """Keeps arrays (layers, pieces, width) by a key of 16 bytes, as fp16.

    The files stay for later runs, which read them all; delete the folder when no run needs it any more.
    Each run writes two files of its own, so that runs may share the folder at the same time: the arrays one
    after the other, and an index of fixed records that is written after them. What an interrupted run left
    half-written is not used.

    folder (Path | str): Where the files are; made if missing.
    encoder (str): Digest of the encoder and its settings; arrays of other encoders are not seen.
    layers (int): Layers of an array.
    width (int): Its width.
    gigabytes (float): Most bytes in the folder, in units of 10⁹, counting what is there at the start. When
        they are used up, nothing more is kept, and one warning says so.
    """

    def __init__(self, folder: Path | str, encoder: str, layers: int, width: int, gigabytes: float) -> None:
        self.folder, self.encoder = Path(folder), encoder
        self.layers, self.width = layers, width
        self.folder.mkdir(parents=True, exist_ok=True)
        self._room = int(gigabytes * 1e9) - sum(p.stat().st_size for p in self.folder.iterdir())
        self._places: dict[bytes, tuple[BinaryIO, int, int]] = {}
        for index in sorted(self.folder.glob(f"{encoder}-*.index")):
            self._read(index)
        self._data: BinaryIO | None = None
        self._index: BinaryIO | None = None
        self._warned = False

    def __len__(self) -> int:
        return len(self._places)

    def __deepcopy__(self, memo: dict) -> "FeatureCache":
        return self  # a copied model has the same frozen encoder, and files cannot be copied

    def _read(self, index: Path) -> None:
        raw = index.read_bytes()
        records = numpy.frombuffer(raw[: len(raw) - len(raw) % RECORD.itemsize], dtype=RECORD)
        path = index.with_suffix(".f16")
        data, size = path.open("rb"), path.stat().st_size
        for key, offset, pieces in records.tolist():
            if offset + self._bytes(pieces) <= size:
                self._places[bytes(key)] = (data, offset, pieces)

    def _bytes(self, pieces: int) -> int:
        return 2 * self.layers * pieces * self.width

    def get(self, key: bytes) -> NDArray[numpy.float16] | None:
        """Look an array up.

        key (bytes): Its key.
        RETURNS (ndarray | None): Shape (layers, pieces, width), fp16; None if it is not there.
        """
        place = self._places.get(key)
        if place is None:
            return None
        data, offset, pieces = place
        data.seek(offset)
        array = numpy.empty((self.layers, pieces, self.width), dtype="<f2")
        data.readinto(memoryview(array).cast("B"))
        return array

    def put(self, key: bytes, states: NDArray[numpy.float32]) -> bool:
        """Keep an array, if there is room and fp16 can hold it.

        key (bytes): Its key, which is not there yet.
        states (ndarray): Shape (layers, pieces, width).
        RETURNS (bool): Whether it was kept.
        """
        with numpy.errstate(over="ignore"):
            array = numpy.ascontiguousarray(states, dtype="<f2")
        size = array.nbytes + RECORD.itemsize
        if size > self._room:
            return self._refuse("is full: what it does not hold is computed in every epoch")
        if not numpy.isfinite(array).all():
            return self._refuse("cannot hold values beyond fp16: such windows are computed anew")
        if self._data is None:
            name = self.folder / f"{self.encoder}-{uuid4().hex}"
            # Unbuffered: an index record must never reach the disk before what it points to.
            self._data = name.with_suffix(".f16").open("w+b", buffering=0)
            self._index = name.with_suffix(".index").open("wb", buffering=0)
        offset = self._data.seek(0, 2)
        if self._data.write(array) != array.nbytes:
            raise OSError(f"no space left for the cache in {self.folder}")
        self._index.write(numpy.array([(key, offset, array.shape[1])], dtype=RECORD).tobytes())
        self._places[key] = (self._data, offset, array.shape[1])
        self._room -= size
        return True

    def _refuse(self, why: str) -> bool:
        if not self._warned:
            logger.warning("The cache of the encoder's layers in %s %s", self.folder, why)
        self._warned = True
        return False
