"""Cutting an encoder's vocabulary down to the pieces that some languages use.

A multilingual encoder keeps most of its parameters in the vectors of pieces of other languages.
Words that are segmented as before get the same vectors from the cut encoder (Abdaoui, Pradel and
Sigel 2020, "Load What You Need: Smaller Versions of Multilingual BERT").
"""

import copy
import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from math import log
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..files import files_below

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

WORDS = 50_000  # of each list; rarer words change the choice no more
NUMBERS = 10_000  # the lists write every digit as 0, so numbers below this are added
BATCH = 10_000
QUOTED = 0.1  # share of words that follow a quotation mark, and so have no space before them
HELD_OUT_FROM, HELD_OUT_EVERY = 5_000, 20  # which words of a list only measure the cut
PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~„“”«»‚‘’‹›…–—")
ALIASES = {"bs": "sh", "hr": "sh", "sr": "sh"}  # wordfreq has these as one, in Latin letters
MARKS = ("▁", "##")  # how pieces are marked: begins a word (Unigram), continues one (WordPiece)


@dataclass
class WordList:
    """Words with their frequencies.

    name (str): The language, or the file.
    words (list[str]): The words.
    frequencies (numpy.ndarray): Their frequencies, fractions of 1. Shape: (words,).
    cased (bool): Whether the words stand as they are written in texts, or in lower case.
    names (bool): Whether only their forms with capitals count: foreign words that texts have as names.
    """

    name: str
    words: list[str]
    frequencies: np.ndarray
    cased: bool = False
    names: bool = False


def language_words(language: str) -> tuple[WordList, WordList]:
    """Read a language's word list and set a part of it aside for measuring.

    Frequencies are wordfreq's (Speer 2022, https://doi.org/10.5281/zenodo.7199437).

    language (str): The code of the language.
    RETURNS (tuple[WordList, WordList]): The words to choose pieces by, and those held out: every
        20th after the 5,000 most frequent ones.
    RAISES (InputError): If wordfreq is missing or has no list for the language.
    """
    items = _listed_words(language)
    held_out = items[HELD_OUT_FROM::HELD_OUT_EVERY]
    held_out_words = dict(held_out)
    kept = [item for item in items if item[0] not in held_out_words]
    kept += _numbers(language)
    return _word_list(language, kept), _word_list(language, held_out)


def _numbers(language: str) -> list[tuple[str, float]]:
    # wordfreq is there: the word list came from it.
    from wordfreq import word_frequency

    listed = ALIASES.get(language, language)
    try:
        return [(str(number), word_frequency(str(number), listed)) for number in range(NUMBERS)]
    except ImportError as error:
        what = f"wordfreq needs the package {error.name} for words of {language!r}"
        raise InputError(what, remedy=f"Run pip install {error.name}") from error


def foreign_names(language: str) -> WordList:
    """Read the words of a language whose names stand in texts of others (Reuters, Asia, AFP).

    Slavic word lists have few of them, and they stand there unlike any word of the language.

    language (str): The code of the language.
    RETURNS (WordList): Its words, of which only the forms with capitals count.
    RAISES (InputError): If wordfreq is missing or has no list for the language.
    """
    words = _word_list(f"names, {language}", _listed_words(language))
    return replace(words, names=True)


def _listed_words(language: str) -> list[tuple[str, float]]:
    """The most frequent words of a language, the most frequent one first."""
    try:
        import wordfreq
    except ImportError as error:
        remedy = 'Run pip install "spacy-slavner[encoder]"'
        what = "the package wordfreq, which has the word lists, is missing"
        raise InputError(what, remedy=remedy) from error
    # Asked for a language that it lacks, wordfreq would answer with another one, at worst English.
    known = wordfreq.available_languages()
    listed = ALIASES.get(language, language)
    if listed not in known:
        raise InputError(
            f"wordfreq has no words for {language!r}",
            remedy="Leave it out and give text with --texts; there are lists for "
            f"{', '.join(sorted(known))} (sh is Bosnian, Croatian and Serbian in Latin letters)",
        )
    # The dictionary runs from the most frequent word downwards.
    return list(wordfreq.get_frequency_dict(listed).items())[:WORDS]


def _word_list(name: str, items: Sequence[tuple[str, float]]) -> WordList:
    return WordList(name, [word for word, _ in items], np.array([part for _, part in items]))


def text_words(paths: Iterable[Path]) -> WordList:
    """Count the words of text files.

    paths (Iterable[Path]): Files, and folders of which all .txt files are read.
    RETURNS (WordList): The words as they are written, with their relative frequencies.
    RAISES (InputError): If a path or every word is missing, or a file is not UTF-8.
    """
    counts: Counter[str] = Counter()
    for path in paths:
        if not path.exists():
            raise InputError("no such file or folder", path=path)
        for file in files_below(path, "*.txt") if path.is_dir() else [path]:
            try:
                counts.update(file.read_text(encoding="utf-8-sig").split())
            except UnicodeDecodeError as error:
                raise InputError("not UTF-8", path=file, remedy="Convert it to UTF-8") from error
    if not counts:
        raise InputError("the texts have no words", remedy="Give UTF-8 files, or folders with .txt files")
    words, numbers = list(counts), np.array(list(counts.values()), dtype=float)
    return WordList("texts", words, numbers / numbers.sum(), cased=True)


def model_type(tokenizer: "PreTrainedTokenizerFast") -> str:
    """The kind of a tokenizer's model.

    tokenizer (transformers.PreTrainedTokenizerFast): The tokenizer.
    RETURNS (str): "Unigram", "WordPiece", "BPE" or "WordLevel".
    """
    return type(tokenizer.backend_tokenizer.model).__name__


class Pieces:
    """The pieces of a Unigram or WordPiece tokenizer, and how words are cut into them.

    tokenizer (tokenizers.Tokenizer): The tokenizer.
    """

    def __init__(self, tokenizer: "Tokenizer") -> None:
        self.tokenizer = tokenizer
        model = json.loads(tokenizer.to_str())["model"]
        if model["type"] == "Unigram":
            pairs = model["vocab"]
        else:
            # WordPiece has no scores: longer pieces, so fewer of them, are the likelier writing.
            ordered = sorted(model["vocab"], key=model["vocab"].__getitem__)
            pairs = [(piece, -log(len(ordered))) for piece in ordered]
        self.names = [piece for piece, _ in pairs]
        self.scores = np.array([score for _, score in pairs])
        self.bare = [_bare(name) for name in self.names]

    def __len__(self) -> int:
        return len(self.names)

    def segment(self, words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Cut words, each on its own.

        words (Sequence[str]): The words.
        RETURNS (tuple[numpy.ndarray, numpy.ndarray]): The ids of all pieces, and the number of the
            word that each one belongs to. Shapes: (pieces,) and (pieces,).
        """
        encoded = self.tokenizer.encode_batch_fast(words, add_special_tokens=False)
        ids = [encoding.ids for encoding in encoded]
        lengths = np.fromiter(map(len, ids), dtype=np.int64, count=len(ids))
        flat = np.fromiter(chain.from_iterable(ids), dtype=np.int64, count=int(lengths.sum()))
        return flat, np.repeat(np.arange(len(ids)), lengths)

    def usage(self, words: WordList) -> Iterator[tuple[int, np.ndarray]]:
        """Count how often each piece is used when words are cut.

        Word lists are in lower case, but names are not. A word is therefore counted in lower case,
        with a capital and in capitals, in the proportion of the probabilities that the tokenizer
        itself gives the three (their pieces' Unigram scores: it has seen EU and Macron far oftener
        than eu and macron); and a tenth of it after a quotation mark. Of foreign names, forms in lower
        case do not count.

        words (WordList): The words.
        YIELDS (tuple[int, numpy.ndarray]): The number of words counted, and their weighted counts.
            Shape: (pieces,).
        """
        forms = [str] if words.cased else [str, str.capitalize, str.upper]
        for start in range(0, len(words.words), BATCH):
            batch = words.words[start : start + BATCH]
            weights = words.frequencies[start : start + BATCH]
            cut = [self.segment([form(word) for word in batch]) for form in forms]
            scores = np.stack([np.bincount(of, self.scores[ids], minlength=len(batch)) for ids, of in cut])
            shares = np.exp(scores - scores.max(axis=0))
            shares *= weights / shares.sum(axis=0)
            if words.names:
                shares[0] = 0.0
            if not words.cased and not words.names:
                cut.append(self.segment(['"' + word.capitalize() for word in batch]))
                shares = np.vstack([shares, QUOTED * weights])
            yield (
                len(batch),
                sum(
                    np.bincount(ids, share[of], minlength=len(self))
                    for (ids, of), share in zip(cut, shares, strict=True)
                ),
            )


def _bare(piece: str) -> str:
    for mark in MARKS:
        piece = piece.removeprefix(mark)
    return piece


def _script(character: str) -> str | None:
    """The script of a letter by its Unicode name (LATIN, CYRILLIC); None for what is no letter."""
    return unicodedata.name(character, "?").split()[0] if character.isalpha() else None


def _is_common_sign(character: str) -> bool:
    """Whether a character that is no letter may stand in any text: no emoji, no foreign digits."""
    if character.isascii():
        return True
    kind = unicodedata.category(character)
    return (
        kind[0] == "P"
        or kind in ("Sc", "Sm", "Sk")
        or (kind == "So" and character < "\u2600")
        or unicodedata.name(character, "").startswith("COMBINING")
    )


def choose_pieces(pieces: Pieces, counts: np.ndarray, size: int, special: Iterable[int]) -> np.ndarray:
    """Choose the pieces to keep.

    Always kept are special pieces, single letters of the scripts that the words are written in (at
    least 1% of what is used; Latin always, names stand in it everywhere), common signs, and pieces
    of punctuation. The rest are the most used ones; should those not suffice, the likeliest ones in
    these scripts.

    pieces (Pieces): All pieces.
    counts (numpy.ndarray): How often each is used. Shape: (pieces,).
    size (int): How many to keep.
    special (Iterable[int]): The ids of the special pieces.
    RETURNS (numpy.ndarray): The ids to keep, ascending. Shape: (size,), or fewer where the scripts
        have fewer pieces.
    RAISES (InputError): If the size does not even hold the pieces that are always kept.
    """
    used: Counter[str | None] = Counter()
    first = [_script(bare[0]) if bare else None for bare in pieces.bare]
    for script, count in zip(first, counts, strict=True):
        used[script] += count
    scripts = {script for script, count in used.items() if count >= 0.01 * counts.sum()}
    scripts |= {"LATIN", None}

    always = {int(number) for number in special}
    for number, bare in enumerate(pieces.bare):
        single = len(bare) <= 1 and first[number] in scripts
        if single and (not bare or first[number] or _is_common_sign(bare)):
            always.add(number)
        elif PUNCTUATION.issuperset(bare):
            always.add(number)
    if len(always) > size:
        raise InputError(
            f"a vocabulary of {size} cannot hold the {len(always)} special and single pieces",
            remedy="Choose a larger --vocab-size",
        )
    native = np.array([{_script(character) for character in bare} <= scripts for bare in pieces.bare])
    # By use; what is not used by score, when its letters are of these scripts.
    order = np.lexsort((-pieces.scores, -counts))
    rest = [i for i in order.tolist() if i not in always and (counts[i] > 0 or native[i])]
    return np.array(sorted(always.union(rest[: size - len(always)])))


def cut_tokenizer(tokenizer: "PreTrainedTokenizerFast", keep: np.ndarray) -> "PreTrainedTokenizerFast":
    """Make a tokenizer with some of the pieces; their scores stay, ids are counted anew.

    tokenizer (transformers.PreTrainedTokenizerFast): A Unigram or WordPiece tokenizer.
    keep (numpy.ndarray): The ids to keep, ascending. Shape: (kept,).
    RETURNS (transformers.PreTrainedTokenizerFast): The new tokenizer.
    """
    content = json.loads(tokenizer.backend_tokenizer.to_str())
    new = {int(old): number for number, old in enumerate(keep)}
    model = content["model"]
    if model["type"] == "Unigram":
        model["unk_id"] = None if model["unk_id"] is None else new[model["unk_id"]]
        model["vocab"] = [model["vocab"][old] for old in new if old < len(model["vocab"])]
    else:
        model["vocab"] = {piece: new[i] for piece, i in model["vocab"].items() if i in new}
    for token in content["added_tokens"]:
        token["id"] = new[token["id"]]
    _renumber(content["post_processor"], new)
    return copy_tokenizer(tokenizer, content)


def copy_tokenizer(tokenizer: "PreTrainedTokenizerFast", content: dict) -> "PreTrainedTokenizerFast":
    """Make a tokenizer with another's settings.

    tokenizer (transformers.PreTrainedTokenizerFast): Gives the settings.
    content (dict): What its tokenizer.json is to hold.
    RETURNS (transformers.PreTrainedTokenizerFast): The new tokenizer.
    """
    from tokenizers import Tokenizer

    settings = copy.deepcopy(tokenizer.init_kwargs)
    for name in ("added_tokens_decoder", "tokenizer_file", "vocab_file", "name_or_path"):
        settings.pop(name, None)
    settings["tokenizer_object"] = Tokenizer.from_str(json.dumps(content))
    return type(tokenizer)(**settings)


def _renumber(processor: dict | None, new: dict[int, int]) -> None:
    """Give the special pieces of a post-processor their new ids, in place."""
    if processor is None:
        return
    for part in processor.get("processors", []):
        _renumber(part, new)
    for name in ("sep", "cls"):  # BertProcessing and RobertaProcessing: [piece, id]
        if name in processor:
            processor[name][1] = new[processor[name][1]]
    if processor["type"] == "TemplateProcessing":
        for token in processor["special_tokens"].values():
            token["ids"] = [new[number] for number in token["ids"]]


def cut_model(model: "PreTrainedModel", keep: np.ndarray) -> None:
    """Keep the vectors of some pieces, in place.

    model (transformers.PreTrainedModel): The model.
    keep (numpy.ndarray): The ids to keep, ascending. Shape: (kept,).
    """
    import torch

    old = model.get_input_embeddings()
    new = {int(number): position for position, number in enumerate(keep)}
    rows = old.weight.detach()[torch.from_numpy(keep)].clone()
    padding = new.get(old.padding_idx)
    model.set_input_embeddings(torch.nn.Embedding.from_pretrained(rows, freeze=False, padding_idx=padding))
    model.config.vocab_size = len(keep)
    for name in ("pad_token_id", "bos_token_id", "eos_token_id", "sep_token_id", "cls_token_id"):
        number = getattr(model.config, name, None)
        if number is not None:
            setattr(model.config, name, new.get(number))


def cut_layers(model: "PreTrainedModel", layers: int) -> None:
    """Keep the lowest layers, in place.

    model (transformers.PreTrainedModel): The model.
    layers (int): How many to keep.
    RAISES (InputError): If the model has fewer, or keeps its layers elsewhere than BERT does.
    """
    stack = getattr(getattr(model, "encoder", None), "layer", None)
    if stack is None:
        raise InputError(f"no layers can be taken off a {type(model).__name__}")
    if not 1 <= layers <= len(stack):
        raise InputError(f"{layers} layers cannot be kept of {len(stack)}")
    model.encoder.layer = stack[:layers]
    model.config.num_hidden_layers = layers


@dataclass
class Cost:
    """What a cut costs on words that it was not made with, weighted by their frequencies.

    name (str): The language.
    words (int): The number of words.
    before (float): Pieces per word with all pieces.
    after (float): Pieces per word with those kept.
    same (float): The share of words that are segmented as before.
    unknown (float): The share of unknown pieces after the cut.
    """

    name: str
    words: int
    before: float
    after: float
    same: float
    unknown: float


def measure(before: "PreTrainedTokenizerFast", after: "PreTrainedTokenizerFast", words: WordList) -> Cost:
    """Measure what a cut costs.

    before (transformers.PreTrainedTokenizerFast): The tokenizer with all pieces.
    after (transformers.PreTrainedTokenizerFast): The one with those kept.
    words (WordList): The words to measure with; not empty.
    RETURNS (Cost): The figures.
    """
    old, new = (
        tokenizer.backend_tokenizer.encode_batch(words.words, add_special_tokens=False)
        for tokenizer in (before, after)
    )
    weights = words.frequencies / words.frequencies.sum()

    def mean(values: Iterable[float]) -> float:
        return float(np.dot(weights, np.fromiter(values, dtype=float, count=len(weights))))

    length = mean(map(len, new))
    unknown = mean(encoding.ids.count(after.unk_token_id) for encoding in new)
    return Cost(
        name=words.name,
        words=len(words.words),
        before=mean(map(len, old)),
        after=length,
        same=mean(a.tokens == b.tokens for a, b in zip(old, new, strict=True)),
        unknown=unknown / length,
    )
