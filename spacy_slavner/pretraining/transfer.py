"""A vocabulary made anew on text of the target languages, and the vectors of its pieces.

Arkhipov et al. 2019, section 3: the vocabulary is rebuilt, a new piece starts as the average of the
vectors of the old pieces that it is cut into, and all weights of the transformer layers stay. FOCUS, another
way to start, is there to compare with. (What only leaves pieces out is in `vocabulary`.)
"""

import io
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..hub import check_ids
from . import vocabulary

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

CONTINUES = "##"
ROLES = ("pad", "bos", "eos", "sep", "cls")


def check_fit(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerFast") -> None:
    """Refuse a tokenizer that does not fit the model, or cannot mask.

    model (transformers.PreTrainedModel): The model.
    tokenizer (transformers.PreTrainedTokenizerFast): Its tokenizer.
    RAISES (InputError): If it has more pieces than the model has vectors, or lacks a special piece.
    """
    check_ids(tokenizer, model.get_input_embeddings().num_embeddings)
    for name in ("mask", "pad", "unk"):
        if getattr(tokenizer, f"{name}_token_id") is None:
            raise InputError(
                f"the tokenizer has no {name} piece", remedy="Give an encoder that was trained with masks"
            )
    if tokenizer.num_special_tokens_to_add() == 0:
        raise InputError("the tokenizer puts no special pieces around a text")


def rebuild_tokenizer(
    tokenizer: "PreTrainedTokenizerFast", texts: Iterable[str], size: int
) -> "PreTrainedTokenizerFast":
    """Make the vocabulary of a tokenizer anew; normaliser, pre-tokenizer and special pieces stay.

    Unigram and BPE are trained by `tokenizers`, WordPiece as in the paper by subword-nmt. (subword-nmt
    knows no bytes, which the BPE of today's encoders is made of; its algorithm is the same.)

    tokenizer (transformers.PreTrainedTokenizerFast): The old tokenizer.
    texts (Iterable[str]): Text of the target languages.
    size (int): How many pieces to have; small text gives fewer.
    RETURNS (transformers.PreTrainedTokenizerFast): The new tokenizer.
    RAISES (InputError): If the text gives no vocabulary of the size, or subword-nmt is missing.
    """
    kind = vocabulary.model_type(tokenizer)
    if kind == "WordPiece":
        return _rebuild_wordpiece(tokenizer, texts, size)
    if kind not in ("Unigram", "BPE"):
        raise InputError(f"the vocabulary cannot be rebuilt: the tokenizer is {kind}")
    try:
        return tokenizer.train_new_from_iterator(texts, size, show_progress=False)
    except Exception as error:  # tokenizers raises bare Exceptions
        raise InputError(
            f"no vocabulary of {size} pieces can be made of the texts ({error})",
            remedy="Choose another --vocab-size, or give more text",
        ) from error


def _rebuild_wordpiece(
    tokenizer: "PreTrainedTokenizerFast", texts: Iterable[str], size: int
) -> "PreTrainedTokenizerFast":
    try:
        from subword_nmt.apply_bpe import BPE
        from subword_nmt.learn_bpe import learn_bpe
    except ImportError as error:
        remedy = 'Run pip install "spacy-slavner[pretraining]"'
        raise InputError("the package subword-nmt is missing", remedy=remedy) from error
    counts = _count_words(tokenizer.backend_tokenizer, texts)
    special = {number: str(token) for number, token in tokenizer.added_tokens_decoder.items()}
    letters = sorted({letter for word in counts for letter in word})
    singles = [*letters, *(CONTINUES + letter for letter in letters)]
    merges = size - len(special) - len(singles)
    if merges < 1:
        raise InputError(
            f"a vocabulary of {size} cannot hold the {len(special)} special and {len(singles)} single pieces",
            remedy="Choose a larger --vocab-size",
        )
    lines = (f"{word} {count}\n" for word, count in counts.most_common())
    codes = io.StringIO()
    learn_bpe(lines, codes, merges, is_dict=True)
    codes.seek(0)
    bpe, uses = BPE(codes), Counter()
    for word, count in counts.items():
        # Separators mark all but the last piece; WordPiece marks all but the first.
        *parts, last = bpe.segment_tokens([word])
        parts = [*(part.removesuffix(bpe.separator) for part in parts), last]
        uses[parts[0]] += count
        for part in parts[1:]:
            uses[CONTINUES + part] += count
    ordered = sorted(uses, key=lambda piece: (-uses[piece], piece))
    pieces = dict.fromkeys([*(special[number] for number in sorted(special)), *singles, *ordered])
    return _with_pieces(tokenizer, list(pieces)[:size])


def _count_words(backend: "Tokenizer", texts: Iterable[str]) -> Counter[str]:
    """Words as the tokenizer's own normaliser and pre-tokenizer leave them."""
    counts: Counter[str] = Counter()
    for text in texts:
        normal = backend.normalizer.normalize_str(text) if backend.normalizer else text
        counts.update(word for word, _ in backend.pre_tokenizer.pre_tokenize_str(normal))
    if not counts:
        raise InputError("the texts have no words")
    return counts


def _with_pieces(tokenizer: "PreTrainedTokenizerFast", pieces: Sequence[str]) -> "PreTrainedTokenizerFast":
    """A WordPiece tokenizer with other pieces, of which the special ones come first."""
    # Cut down to the special pieces, it has their new numbers in every place.
    cut = vocabulary.cut_tokenizer(tokenizer, np.array(sorted(tokenizer.added_tokens_decoder)))
    content = json.loads(cut.backend_tokenizer.to_str())
    content["model"]["vocab"] = {piece: number for number, piece in enumerate(pieces)}
    return vocabulary.copy_tokenizer(tokenizer, content)


def origins(old: "PreTrainedTokenizerFast", new: "PreTrainedTokenizerFast") -> list[np.ndarray]:
    """Say which old pieces each new piece is made of.

    old (transformers.PreTrainedTokenizerFast): The old tokenizer.
    new (transformers.PreTrainedTokenizerFast): The new one.
    RETURNS (list[numpy.ndarray]): For each new piece the ids of old ones: the same piece where there is
        one, else those it is cut into; none where no old piece has any of its letters.
    """
    known = old.get_vocab()
    pieces = sorted(new.get_vocab().items(), key=lambda item: item[1])
    assert [number for _, number in pieces] == list(range(len(pieces)))
    return [np.array(_cut(old, known, piece), dtype=np.int64) for piece, _ in pieces]


def _cut(old: "PreTrainedTokenizerFast", known: dict[str, int], piece: str) -> list[int]:
    if piece in known:
        return [known[piece]]
    if piece.startswith(CONTINUES) and vocabulary.model_type(old) == "WordPiece":
        # The model itself only cuts whole words; it, too, takes the longest piece that fits.
        return _longest(known, piece.removeprefix(CONTINUES))
    tokens = old.backend_tokenizer.model.tokenize(piece)
    return [token.id for token in tokens if token.id != old.unk_token_id]


def _longest(known: dict[str, int], text: str) -> list[int]:
    ids, start = [], 0
    while start < len(text):
        ends = range(len(text), start, -1)
        end = next((end for end in ends if CONTINUES + text[start:end] in known), None)
        if end is None:
            return []
        ids.append(known[CONTINUES + text[start:end]])
        start = end
    return ids


def reassemble(vectors: np.ndarray, sources: Sequence[np.ndarray]) -> np.ndarray:
    """Average the old vectors that each new one is made of.

    vectors (numpy.ndarray): The old vectors. Shape: (old pieces, width).
    sources (Sequence[numpy.ndarray]): The ids of old pieces for each new one; none stands for all, so
        that a piece in unknown letters starts in the middle of the others.
    RETURNS (numpy.ndarray): The new vectors. Shape: (new pieces, width).
    """
    lengths = np.array([len(ids) for ids in sources])
    flat = np.concatenate([np.zeros(0, dtype=np.int64), *sources])
    sums = np.zeros((len(sources), vectors.shape[1]))
    np.add.at(sums, np.repeat(np.arange(len(sources)), lengths), vectors[flat])
    means = sums / np.maximum(lengths, 1)[:, None]
    means[lengths == 0] = vectors.mean(axis=0)
    return means.astype(vectors.dtype)


def transfer_model(
    model: "PreTrainedModel",
    old: "PreTrainedTokenizerFast",
    new: "PreTrainedTokenizerFast",
    sources: Sequence[np.ndarray],
    vectors: np.ndarray | None = None,
) -> None:
    """Give a model the vectors of a new vocabulary, in place; all other weights stay.

    A masked-language model's output vectors follow, being tied. The bias of each piece is averaged as its
    vector is; where the vector is given it is 0, as a model itself starts.

    model (transformers.PreTrainedModel): The model, with or without head.
    old (transformers.PreTrainedTokenizerFast): The old tokenizer.
    new (transformers.PreTrainedTokenizerFast): The new one.
    sources (Sequence[numpy.ndarray]): What `origins` gives.
    vectors (numpy.ndarray | None): What pieces that are not shared start with instead of the average, from
        `random_vectors` or `focus_vectors`. Shape: (new pieces, width).
    """
    import torch

    known, shared = old.get_vocab(), np.zeros(len(sources), dtype=bool)
    for piece, number in new.get_vocab().items():
        shared[number] = piece in known
    table = model.get_input_embeddings().weight.detach().float().numpy()[: len(old)]
    rows = reassemble(table, sources)
    if vectors is not None:
        rows[~shared] = vectors[~shared]
    head = model.get_output_embeddings()
    bias = None if head is None or head.bias is None else head.bias.detach().float().numpy()[: len(old), None]
    model.set_input_embeddings(
        torch.nn.Embedding.from_pretrained(torch.from_numpy(rows), freeze=False, padding_idx=new.pad_token_id)
    )
    for part in (model, model.base_model):
        part.config.vocab_size = len(sources)
    for role in ROLES:
        if getattr(model.config, f"{role}_token_id", None) is not None:
            setattr(model.config, f"{role}_token_id", getattr(new, f"{role}_token_id"))
    if head is not None:
        replaced = torch.nn.Linear(rows.shape[1], len(sources), bias=bias is not None)
        if bias is not None:
            biases = reassemble(bias, sources)[:, 0]
            if vectors is not None:
                biases[~shared] = 0.0
            replaced.bias = torch.nn.Parameter(torch.from_numpy(biases))
        set_output(model, replaced)


def random_vectors(model: "PreTrainedModel", number: int, generator: np.random.Generator) -> np.ndarray:
    """Draw vectors at random, as the model itself starts: what other ways are compared to.

    model (transformers.PreTrainedModel): The model.
    number (int): How many.
    generator (numpy.random.Generator): Where chance comes from.
    RETURNS (numpy.ndarray): The vectors. Shape: (number, width).
    """
    deviation = getattr(model.config, "initializer_range", 0.02)
    return generator.normal(0.0, deviation, (number, model.get_input_embeddings().embedding_dim))


def require_focus() -> None:
    """RAISES (InputError): If deepfocus, which weighs old pieces for new ones, cannot be imported."""
    try:
        import deepfocus  # noqa: F401
    except ImportError as error:
        remedy = 'Run pip install "spacy-slavner[focus]", or take --vectors mean'
        raise InputError("the package deepfocus, for --vectors focus, is missing", remedy=remedy) from error


def focus_vectors(
    model: "PreTrainedModel",
    old: "PreTrainedTokenizerFast",
    new: "PreTrainedTokenizerFast",
    texts: Iterable[str],
    seed: int,
) -> np.ndarray:
    """Make the vectors of new pieces of those of shared ones that stand in similar places of a text.

    FOCUS (Dobler and de Melo 2023), by its authors' package: fastText vectors of the new vocabulary's pieces
    say how similar these are, sparsemax of that how much each shared piece weighs. The settings of fastText
    are the package's. Pieces that are too rare for it start at random, with the mean and deviation of the old
    vectors.

    model (transformers.PreTrainedModel): The model with the old vocabulary.
    old (transformers.PreTrainedTokenizerFast): The old tokenizer.
    new (transformers.PreTrainedTokenizerFast): The new one.
    texts (Iterable[str]): Text of the target languages.
    seed (int): Where chance starts.
    RETURNS (numpy.ndarray): The vectors of all new pieces. Shape: (new pieces, width).
    RAISES (InputError): If deepfocus is missing, or there is too little text.
    """
    require_focus()
    import fasttext
    from deepfocus import FOCUS

    # The package would train fastText itself, but keep the vectors in a cache by the name of the text.
    with TemporaryDirectory() as folder:
        text, file = Path(folder) / "text.txt", Path(folder) / "pieces.bin"
        with text.open("w", encoding="utf8") as lines:
            lines.writelines(f"{' '.join(new.tokenize(one))}\n" for one in texts)
        try:
            pieces = fasttext.train_unsupervised(
                str(text), model="cbow", dim=100, epoch=3, minCount=10, neg=10, thread=1, verbose=0
            )
        except ValueError as error:
            raise InputError(
                f"too little text for --vectors focus ({error})", remedy="Take --vectors mean"
            ) from error
        pieces.save_model(str(file))
        vectors = FOCUS(
            new,
            old,
            model.get_input_embeddings().weight.detach().float().cpu()[: len(old)],
            fasttext_model_path=str(file),
            seed=seed,
            verbosity="silent",
        )
    return vectors.numpy()


def set_output(model: "PreTrainedModel", linear: "torch.nn.Linear") -> None:  # noqa: F821
    """Put in an output layer and tie its vectors to the input's.

    model (transformers.PreTrainedModel): A masked-language model.
    linear (torch.nn.Linear): The layer; its weight is replaced by the tied one.
    """
    model.set_output_embeddings(linear)
    # BERT and its kin keep the bias under a second name, by which it is saved.
    for module in model.modules():
        if getattr(module, "decoder", None) is linear and hasattr(module, "bias"):
            module.bias = linear.bias
    model.tie_weights()


@dataclass
class Change:
    """What new pieces do to the text of a language.

    language (str): The language.
    words (int): Words measured with, each kind once.
    before (float): Pieces per word with the old vocabulary.
    after (float): The same with the new one.
    unknown_before (float): The share of unknown pieces with the old one.
    unknown_after (float): The same with the new one.
    """

    language: str
    words: int
    before: float
    after: float
    unknown_before: float
    unknown_after: float


def measure(
    old: "PreTrainedTokenizerFast", new: "PreTrainedTokenizerFast", language: str, texts: Iterable[str]
) -> Change:
    """Measure old and new pieces on the words of held-out text.

    old (transformers.PreTrainedTokenizerFast): The old tokenizer.
    new (transformers.PreTrainedTokenizerFast): The new one.
    language (str): The language.
    texts (Iterable[str]): The text, which the new pieces were not made of.
    RETURNS (Change): The figures.
    """
    counts = Counter(chain.from_iterable(text.split() for text in texts))
    if not counts:
        raise InputError(f"the held-out text of {language!r} has no words")
    words = vocabulary.WordList(language, list(counts), np.array(list(counts.values()), dtype=float))
    after, before = vocabulary.measure(old, new, words), vocabulary.measure(old, old, words)
    return Change(language, len(counts), after.before, after.after, before.unknown, after.unknown)
