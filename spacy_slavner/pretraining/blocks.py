"""Text as blocks of pieces: an endless mix of languages to train on, fixed blocks to measure with."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from . import masking
from .texts import Texts

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerFast

SHUFFLED = 256  # blocks of a language that wait to be drawn, so that those of a document part


@dataclass
class Block:
    """Some pieces of a text, with the special ones around them.

    ids (numpy.ndarray): The pieces. Shape: (pieces,).
    units (numpy.ndarray): What is masked together, see `masking`. Shape: (pieces,).
    """

    ids: np.ndarray
    units: np.ndarray


class Cutter:
    """Cuts texts into blocks; nothing is left out.

    tokenizer (transformers.PreTrainedTokenizerFast): The tokenizer.
    length (int): The longest block, special pieces counted.
    whole_words (bool): Whether words are masked whole, or pieces one by one.
    segmenters (dict[str, masking.Segmenter]): What finds the words of a language; where there is none the
        tokenizer's own pre-tokenizer does.
    """

    def __init__(
        self,
        tokenizer: "PreTrainedTokenizerFast",
        length: int,
        whole_words: bool = True,
        segmenters: dict[str, masking.Segmenter] | None = None,
    ) -> None:
        self.tokenizer, self.whole_words, self.segmenters = tokenizer, whole_words, segmenters or {}
        around = tokenizer.backend_tokenizer.encode(tokenizer.mask_token).ids
        place = around.index(tokenizer.mask_token_id)
        self.before, self.after = around[:place], around[place + 1 :]
        self.length = length - len(around) + 1

    def __call__(self, text: str, language: str) -> Iterator[Block]:
        encoding = self.tokenizer.backend_tokenizer.encode(text, add_special_tokens=False)
        ids = np.array(encoding.ids, dtype=np.int64)
        units = self._units(text, language, encoding)
        for start in range(0, len(ids), self.length):
            yield self._block(ids[start : start + self.length], units[start : start + self.length])

    def _units(self, text: str, language: str, encoding: Any) -> np.ndarray:
        if not self.whole_words:
            return np.arange(len(encoding.ids))
        if language in self.segmenters:
            offsets = np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2)
            return masking.segment_units(text, self.segmenters[language](text), offsets)
        return masking.word_units(encoding.word_ids)

    def _block(self, ids: np.ndarray, units: np.ndarray) -> Block:
        full = np.array([*self.before, *ids, *self.after], dtype=np.int64)
        wide = np.full(len(full), masking.NEVER, dtype=np.int64)
        wide[len(self.before) : len(self.before) + len(ids)] = units
        return Block(full, wide)


class Mixture:
    """An endless stream of blocks: a language is drawn, then one of its blocks.

    texts (Texts): The texts.
    cutter (Cutter): Cuts them.
    temperature (float): See `Texts.proportions`.
    seed (int): Where chance starts; the same seed gives the same stream.
    RAISES (InputError): If there are no pieces in the texts of a language: one would wait for them for ever.
    """

    def __init__(self, texts: Texts, cutter: Cutter, temperature: float, seed: int) -> None:
        self.texts, self.cutter, self.seed = texts, cutter, seed
        self.proportions = texts.proportions(temperature)
        for language in self.proportions:
            if not any(True for text in texts.train(language) for _ in cutter(text, language)):
                raise InputError(
                    f"the texts in {language} are empty or hold white space alone",
                    remedy="Give text in it, or name the other languages with --languages",
                )

    def __iter__(self) -> Iterator[Block]:
        generator = np.random.default_rng(self.seed)
        names, shares = list(self.proportions), np.array(list(self.proportions.values()))
        streams = {
            name: self._language(name, np.random.default_rng([self.seed, i])) for i, name in enumerate(names)
        }
        while True:
            yield next(streams[names[generator.choice(len(names), p=shares)]])

    def _language(self, language: str, generator: np.random.Generator) -> Iterator[Block]:
        waiting: list[Block] = []
        while True:
            for text in self.texts.train(language, generator):
                for block in self.cutter(text, language):
                    waiting.append(block)
                    if len(waiting) == SHUFFLED:
                        yield _draw(waiting, generator)
            # The end of a pass; a corpus smaller than the buffer gives all it has.
            while waiting:
                yield _draw(waiting, generator)


def _draw(blocks: list[Block], generator: np.random.Generator) -> Block:
    number = int(generator.integers(len(blocks)))
    blocks[number], blocks[-1] = blocks[-1], blocks[number]
    return blocks.pop()


class Collator:
    """Pads blocks and masks them.

    tokenizer (transformers.PreTrainedTokenizerFast): The tokenizer.
    seed (int): Where chance starts.
    rate (float): The share of units to mask.
    """

    def __init__(self, tokenizer: "PreTrainedTokenizerFast", seed: int, rate: float = masking.RATE) -> None:
        self.pad, self.mask, self.rate = tokenizer.pad_token_id, tokenizer.mask_token_id, rate
        self.replacements = masking.ordinary_pieces(len(tokenizer), tokenizer.all_special_ids)
        self.generator = np.random.default_rng(seed)

    def __call__(self, blocks: Sequence[Block]) -> dict[str, "torch.Tensor"]:
        import torch

        ids, attention = pad(blocks, self.pad)
        units = _padded([block.units for block in blocks], masking.NEVER)
        masked, labels = masking.mask(
            ids, units,
            mask_id=self.mask, replacements=self.replacements, generator=self.generator, rate=self.rate,
        )  # fmt: skip
        batch = {"input_ids": masked, "attention_mask": attention, "labels": labels}
        return {name: torch.from_numpy(array) for name, array in batch.items()}


def pad(blocks: Sequence[Block], piece: int) -> tuple[np.ndarray, np.ndarray]:
    """Lay blocks side by side.

    blocks (Sequence[Block]): The blocks.
    piece (int): The piece that fills them up.
    RETURNS (tuple[ndarray, ndarray]): The pieces, and 1 where there are some. Both of shape (blocks, length).
    """
    ids = _padded([block.ids for block in blocks], piece)
    lengths = np.array([len(block.ids) for block in blocks])
    return ids, (np.arange(ids.shape[1]) < lengths[:, None]).astype(np.int64)


def _padded(rows: Iterable[np.ndarray], value: int) -> np.ndarray:
    rows = list(rows)
    padded = np.full((len(rows), max(map(len, rows))), value, dtype=np.int64)
    for row, values in zip(padded, rows, strict=True):
        row[: len(values)] = values
    return padded
