"""Word vectors: fastText's files, joint vocabularies of two languages, and spaCy's form of them."""

import struct
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from ..errors import InputError
from ..files import whole_file, whole_folder
from .words import word_key

if TYPE_CHECKING:
    from spacy.language import Language

    from ..pretraining.texts import Texts

# fastText's binary files: what they begin with, and how words are marked for their n-grams.
MAGIC, VERSION = 793712314, 12
BEGIN, END = "<", ">"
FLORET = "floret"
# Rows for n-grams: fastText's default, and enough for a floret table.
BUCKETS, FLORET_BUCKETS = 2_000_000, 50_000


@dataclass
class Embeddings:
    """Words with their vectors, the most frequent first.

    words (list[str]): The words, each once.
    vectors (numpy.ndarray): Their vectors (words, width), float32: 4 · words · width bytes, which is 240 MB
        for 200,000 words of 300 numbers. That is all that stays in memory after reading.
    skipped (int): Words of the file that were left out because they were there before, or have no vector.
    """

    words: list[str]
    vectors: np.ndarray
    skipped: int = 0

    def __len__(self) -> int:
        return len(self.words)

    @property
    def width(self) -> int:
        return self.vectors.shape[1]

    @property
    def megabytes(self) -> float:
        return self.vectors.nbytes / 1e6

    @cached_property
    def rows(self) -> dict[str, int]:
        """The row of each word."""
        return {word: row for row, word in enumerate(self.words)}

    @cached_property
    def unit(self) -> np.ndarray:
        """The vectors at length 1 (words, width); those without a length stay 0."""
        return renorm(self.vectors)


def renorm(vectors: np.ndarray) -> np.ndarray:
    """RETURNS (numpy.ndarray): Vectors (words, width) at length 1; zeros stay as they are."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(norms > 0, norms, 1)


def center(vectors: np.ndarray) -> np.ndarray:
    """RETURNS (numpy.ndarray): Vectors (words, width) less their mean."""
    return vectors - vectors.mean(0)


STEPS = {"renorm": renorm, "center": center}


def normalize(embeddings: Embeddings, steps: Sequence[str] = ("renorm", "center", "renorm")) -> Embeddings:
    """Prepare vectors for alignment.

    Huang, May and Peng (2019, section 3.2) "normalize the inputs to MUSE" without saying which of its ways
    they took; here lengths, mean and lengths again (Artetxe et al., 2018), each of which MUSE has.

    embeddings (Embeddings): The vectors.
    steps (Sequence[str]): "renorm" (length 1) and "center" (mean 0), one after the other.
    RETURNS (Embeddings): The same words with new vectors.
    RAISES (InputError): A step is none of these.
    """
    vectors = embeddings.vectors
    for step in steps:
        if step not in STEPS:
            raise InputError(f"there is no normalisation {step!r}", remedy=f"Take of {', '.join(STEPS)}")
        vectors = STEPS[step](vectors)
    return Embeddings(embeddings.words, vectors.astype("float32"), embeddings.skipped)


# Files


def read_embeddings(path: Path | str, limit: int = 200_000, lower: bool = True) -> Embeddings:
    """Read the most frequent words of a file of word vectors; the rest of it is never in memory.

    path (Path | str): fastText's text (.vec) or binary file (.bin), or a folder that spaCy saved.
    limit (int): Most words to read; 0 for all.
    lower (bool): Write words in small letters, as MUSE does; the most frequent form's vector is kept.
    RETURNS (Embeddings): The words.
    RAISES (InputError): The file is missing or bad, or vectors have different widths.
    """
    path = Path(path)
    if not path.exists():
        raise InputError("there are no such word vectors", path=path)
    if path.is_dir():
        items: Iterator[tuple[str, np.ndarray]] = _read_spacy(path)
    else:
        items = _read_bin(path) if path.suffix == ".bin" else _read_vec(path)
    return _collect(items, limit, lower, path)


def _collect(items: Iterable[tuple[str, np.ndarray]], limit: int, lower: bool, path: Path) -> Embeddings:
    """The first vectors of different words, in an array that grows by doubling."""
    rows: dict[str, int] = {}
    vectors, skipped = np.zeros((0, 0), dtype="float32"), 0
    for word, vector in items:
        word = word.lower() if lower else word
        if word in rows or not vector.any():
            skipped += 1
            continue
        if len(rows) == len(vectors):
            size = min(max(1024, 2 * len(rows)), limit or sys.maxsize)
            more = np.zeros((size - len(rows), len(vector)), dtype="float32")
            vectors = np.concatenate([vectors.reshape(-1, len(vector)), more])
        vectors[len(rows)] = vector
        rows[word] = len(rows)
        if len(rows) == limit:
            break
    if not rows:
        raise InputError("the file has no word vectors", path=path)
    return Embeddings(list(rows), vectors[: len(rows)], skipped)


def _read_vec(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Words and vectors of a text file; a first line of two numbers says how many there are, and how wide."""
    width = 0
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                word, _, rest = line.rstrip().partition(" ")
                if number == 1 and word.isdigit() and rest.strip().isdigit():
                    width = int(rest)
                    continue
                try:
                    vector = np.array(rest.split(), dtype="float32")
                except ValueError as error:
                    raise InputError(f"{error}"[:80], path=path, line=number) from error
                width = width or len(vector)
                if len(vector) != width:
                    raise InputError(
                        f"the vector of {word!r} has {len(vector)} numbers, others have {width}",
                        path=path,
                        line=number,
                        remedy="Each line has a word without spaces and its vector",
                    )
                yield word, vector
    except UnicodeDecodeError as error:
        raise InputError("not UTF-8", path=path, remedy="A binary file has to end in .bin") from error


def _read_spacy(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Words and vectors of a pipeline or vocabulary that spaCy saved."""
    import spacy

    try:
        nlp = spacy.load(path)
    except (OSError, ValueError) as error:
        raise InputError(f"the folder has no vectors of spaCy ({error})", path=path) from error
    for key, row in sorted(nlp.vocab.vectors.key2row.items(), key=lambda item: item[1]):
        yield nlp.vocab.strings[key], nlp.vocab.vectors.data[row]


def _read_bin(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Words and vectors of fastText's binary file.

    Bojanowski et al. (2017): a word's vector is the mean of its own and those of its character n-grams. The
    matrix of both stays on disk.
    """
    with path.open("rb") as file:
        magic, version = _unpack(file, "2i", path)
        if (magic, version) != (MAGIC, VERSION):
            raise InputError("this is no binary file of fastText", path=path, remedy="Give its .vec file")
        settings = _unpack(file, "12id", path)
        width, buckets, shortest, longest = settings[0], *settings[8:11]
        n_entries, n_words, _, _, n_pruned = _unpack(file, "3i2q", path)
        words = [_read_word(file, path) for _ in range(n_entries)][:n_words]
        file.seek(max(0, n_pruned) * 8, 1)
        (quantized,) = _unpack(file, "?", path)
        if quantized or n_pruned >= 0:
            raise InputError("the model is quantised", path=path, remedy="Give its .vec file")
        n_rows, n_columns = _unpack(file, "2q", path)
        if (n_rows, n_columns) != (n_words + buckets, width):
            raise InputError(f"the matrix has {n_rows} rows of {n_columns} numbers", path=path)
        try:
            shape = (n_rows, n_columns)
            matrix = np.memmap(path, dtype="<f4", mode="r", offset=file.tell(), shape=shape)
        except ValueError as error:
            raise InputError("the file is truncated", path=path) from error
    for row, word in enumerate(words):
        grams = [n_words + h % buckets for h in ngram_hashes(f"{BEGIN}{word}{END}", shortest, longest)]
        yield word, matrix[[row, *grams]].mean(0)


def _unpack(file: BinaryIO, form: str, path: Path) -> tuple:
    data = file.read(struct.calcsize(f"<{form}"))
    try:
        return struct.unpack(f"<{form}", data)
    except struct.error as error:
        raise InputError("the file is truncated", path=path) from error


def _read_word(file: BinaryIO, path: Path) -> str:
    """The next word; its frequency (8 bytes) and kind (1 byte) are passed over."""
    data = bytearray()
    while (byte := file.read(1)) != b"\0":
        if not byte:
            raise InputError("the file is truncated", path=path)
        data += byte
    file.seek(9, 1)
    return data.decode("utf-8", errors="replace")


def ngram_hashes(word: str, shortest: int, longest: int) -> list[int]:
    """Hash the character n-grams of a word as fastText does: FNV-1a over signed bytes.

    word (str): The word with its marks, such as "<Praha>".
    shortest (int): Characters of the shortest n-grams. Single marks are none.
    longest (int): Those of the longest; 0 for no n-grams.
    RETURNS (list[int]): The hashes, 32 bits each.
    """
    result = []
    encoded = [character.encode() for character in word]
    for start in range(len(word)):
        value = 2166136261
        for length, data in enumerate(encoded[start : start + longest], start=1):
            for byte in data:
                # The sign of a byte above 127 fills the upper bits.
                value = ((value ^ (byte | 0xFFFFFF00 if byte > 127 else byte)) * 16777619) & 0xFFFFFFFF
            at_edge = start == 0 or start + length == len(word)
            if length >= shortest and not (length == 1 and at_edge):
                result.append(value)
    return result


def write_embeddings(embeddings: Embeddings, path: Path | str) -> None:
    """Write fastText's text format.

    embeddings (Embeddings): The words.
    path (Path | str): The file, usually .vec.
    """
    with whole_file(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(f"{len(embeddings)} {embeddings.width}\n")
        for word, vector in zip(embeddings.words, embeddings.vectors, strict=True):
            file.write(f"{word} {' '.join(f'{number:.5g}' for number in vector.tolist())}\n")


# Joint vocabularies


def join(first: Embeddings, second: Embeddings) -> Embeddings:
    """Put aligned words of two languages into one vocabulary without duplicates.

    Huang, May and Peng (2019, section 3.2) "merge the aligned word embeddings and remove duplicates"; which
    of two vectors stays is not said. Here it is the first language's, the one whose names are learnt.

    first (Embeddings): Words of one language.
    second (Embeddings): Words of the other in the same space.
    RETURNS (Embeddings): The words, taken in turns so that frequent ones of both come first; `skipped` are
        the duplicates.
    RAISES (InputError): The widths differ.
    """
    if first.width != second.width:
        raise InputError(
            f"vectors of {first.width} and {second.width} numbers cannot be joined",
            remedy="Train or take both with the same width",
        )
    new = [row for row, word in enumerate(second.words) if word not in first.rows]
    order = np.argsort(np.concatenate([np.arange(len(first)), np.array(new, dtype=int)]), kind="stable")
    words = [*first.words, *(second.words[row] for row in new)]
    vectors = np.concatenate([first.vectors, second.vectors[new]])
    return Embeddings([words[i] for i in order], vectors[order], len(second) - len(new))


def to_spacy(embeddings: Embeddings, name: str = "joint") -> "Language":
    """Make a blank pipeline with these vectors, as `spacy init vectors` does.

    embeddings (Embeddings): The words.
    name (str): Name of the vectors.
    RETURNS (Language): The pipeline, whose folder is what `[initialize] vectors` takes.
    """
    import spacy
    from spacy.vectors import Vectors

    nlp = spacy.blank("xx")
    keys = [nlp.vocab.strings.add(word) for word in embeddings.words]
    data = np.ascontiguousarray(embeddings.vectors, dtype="float32")
    nlp.vocab.vectors = Vectors(strings=nlp.vocab.strings, data=data, keys=keys, name=name)
    return nlp


def save_spacy(embeddings: Embeddings, path: Path | str, name: str = "joint") -> None:
    """Write what `to_spacy` makes.

    embeddings (Embeddings): The words.
    path (Path | str): The folder.
    name (str): Name of the vectors.
    """
    with whole_folder(path) as folder:
        to_spacy(embeddings, name).to_disk(folder)


# Training


def train_vectors(
    sentences: Iterable[Sequence[str]],
    width: int = 300,
    epochs: int = 10,
    least: int = 2,
    threads: int = 1,
    floret: Path | None = None,
    buckets: int = 0,
) -> Embeddings:
    """Train fastText vectors of one language (Bojanowski et al., 2017): skip-grams and character n-grams.

    sentences (Iterable[Sequence[str]]): Words as they are looked up, see `words.word_key`.
    width (int): Width of the vectors.
    epochs (int): Passes over the text.
    least (int): How often a word has to occur.
    threads (int): Threads; with one, the same text gives the same vectors.
    floret (Path | None): A file to write a floret table to instead, for `spacy init vectors --mode floret`:
        it has a vector for every word there may be. Tables of two languages cannot be joined, so that one
        has to be trained on the text of both.
    buckets (int): Rows that n-grams share, each of 4 · width bytes in memory; 0 for BUCKETS, 2.4 GB at width
        300, or for FLORET_BUCKETS, 60 MB, of a floret table.
    RETURNS (Embeddings): The words, the most frequent first.
    RAISES (InputError): floret, which trains both kinds, is missing, or there is too little text.
    """
    import tempfile

    try:
        from floret import train_unsupervised
    except ImportError as error:
        remedy = 'Run pip install "spacy-slavner[crosslingual]"'
        raise InputError("the package floret, which trains vectors, is missing", remedy=remedy) from error
    if floret:
        tables = {"mode": FLORET, "hashCount": 2, "bucket": buckets or FLORET_BUCKETS}
    else:
        tables = {"mode": "fasttext", "bucket": buckets or BUCKETS}
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "text.txt"
        with text.open("w", encoding="utf-8") as file:
            file.writelines(f"{' '.join(words)}\n" for words in sentences if words)
        if not text.stat().st_size:
            raise InputError("there is no text to train vectors on")
        try:
            model = train_unsupervised(
                str(text), model="skipgram", dim=width, epoch=epochs, minCount=least, thread=threads,
                verbose=0, **tables,
            )  # fmt: skip
        except ValueError as error:
            raise InputError(f"too little text to train vectors on ({error})") from error
        if floret:
            with whole_file(floret) as temporary:
                model.save_floret_vectors(str(temporary))
    # The end of a line is no word.
    words = [word for word in model.words if word != "</s>"]
    return Embeddings(words, np.array([model.get_word_vector(word) for word in words], dtype="float32"))


def read_sentences(texts: "Texts", language: str) -> Iterator[list[str]]:
    """Read the words of texts of a language, one line of text after the other.

    texts (Texts): What `pretraining.texts.find_texts` found.
    language (str): The language's ISO 639-1 code.
    YIELDS (list[str]): Words as they are looked up.
    """
    from ..corpora.sources import blank_pipeline

    nlp = blank_pipeline()
    for document in texts.documents[language]:
        for _, text in document.texts():
            # Tokens that are given are looked up as they are.
            yield from [list(map(word_key, text.split()))] if document.given else _lines(nlp.make_doc(text))


def _lines(doc) -> Iterator[list[str]]:
    """The words of a document, cut where its text has line ends."""
    line: list[str] = []
    for token in doc:
        if not token.is_space:
            line.append(word_key(token.text))
        elif "\n" in token.text and line:
            yield line
            line = []
    if line:
        yield line
