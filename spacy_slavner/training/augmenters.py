"""Augmenters, which change examples of a corpus, and the reader that applies them to any other reader."""

import random
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ..attributes import DOC_ATTRIBUTES
from ..crosslingual.documents import rewrite, sentences
from ..crosslingual.translation import Translator, is_in, make_translator
from ..errors import InputError

AugmenterT = Callable[[Language, Example], Iterator[Example]]
ReaderT = Callable[[Language], Iterable[Example]]


def create_augmented_corpus(
    # Any: when a config is checked, what stands in a block of blocks is not made yet.
    corpus: Any,
    augmenters: dict[str, Any] | None = None,
) -> ReaderT:
    """Make the reader `spacy-slavner.AugmentedCorpus.v1`: another reader's examples, changed.

    corpus (Callable[[Language], Iterable[Example]]): The other reader.
    augmenters (dict[str, Callable] | None): Augmenters by name, those of spaCy too; each gets what the one
        before it gave.
    RETURNS (Callable[[Language], Iterable[Example]]): The reader.
    """

    def read(nlp: Language) -> Iterator[Example]:
        examples = iter(corpus(nlp))
        for augment in (augmenters or {}).values():
            examples = _apply(augment, nlp, examples)
        yield from examples

    return read


def _apply(augment: AugmenterT, nlp: Language, examples: Iterable[Example]) -> Iterator[Example]:
    for example in examples:
        yield from augment(nlp, example)
    # What an augmenter of ours needs of a corpus is known at its end.
    getattr(augment, "finish", lambda: None)()


def create_shuffle_words(level: float = 1.0, seed: int = 0) -> AugmenterT:
    """Make the augmenter `spacy-slavner.shuffle_words.v1`: sentences without the order of their words.

    Huang, May and Peng (2019, section 3.5) "shuffle the sentences of training data while keeping the
    internal order of named entities unchanged", to see what the order of words is worth: a name moves as
    one, in its sentence, and every other word by itself.

    level (float): Share of the examples that are shuffled; 0 for none.
    seed (int): Seed of the order.
    RETURNS (Callable[[Language, Example], Iterator[Example]]): The augmenter.
    """
    rng = random.Random(seed)

    def shuffle(nlp: Language, example: Example) -> Iterator[Example]:
        if rng.random() < level:
            doc = example.reference
            order = _shuffled(doc, rng)
            yield _example(nlp, example, rewrite(doc, [doc[i].text for i in order], order))
        else:
            yield example

    return shuffle


def _shuffled(doc: Doc, rng: random.Random) -> list[int]:
    """The tokens of a document in another order: names as one, everything in its sentence."""
    ends, order = {ent.start: ent.end for ent in doc.ents}, []
    for sentence in sentences(doc):
        units, at = [], sentence.start
        while at < sentence.end:
            end = ends.get(at, at + 1)
            units.append(range(at, end))
            at = end
        rng.shuffle(units)
        order += [i for unit in units for i in unit]
    return order


def _example(nlp: Language, old: Example, reference: Doc) -> Example:
    """An example of a changed reference, with its tokens and sentences, which the text would not yield."""
    words, spaces = [t.text for t in reference], [bool(t.whitespace_) for t in reference]
    starts = [bool(t.is_sent_start) for t in reference]
    predicted = Doc(nlp.vocab, words=words, spaces=spaces, sent_starts=starts)
    for name in DOC_ATTRIBUTES:
        # The prediction knows as much as it did before.
        if old.predicted._.get(name) is not None:
            predicted._.set(name, reference._.get(name))
    return Example(predicted, reference)


def create_reverse_translation(
    dictionary: Path | None,
    vectors: Path | None,
    source: str | None,
    target: str | None,
    alpha: float = 0.5,
    window: int = 0,
    level: float = 1.0,
    with_source: bool = True,
    seed: int = 0,
) -> AugmenterT:
    """Make the augmenter `spacy-slavner.reverse_translation.v1`: text in the words of another language.

    Huang, May and Peng (2019, section 2); see `crosslingual.translation.Translator`. What is in another
    language than the source stays as it is.

    dictionary (Path | None): A dictionary, or a folder with dictionaries.
    vectors (Path | None): Joint vectors of both languages, a folder or file.
    source (str | None): Language to translate from.
    target (str | None): Language to translate into.
    alpha (float): The paper's α.
    window (int): Context words on each side; 0 for the whole sentence.
    level (float): Share of the examples that are translated; 0 for none, and no file is read then.
    with_source (bool): Whether the original is learnt from, too.
    seed (int): Seed of the choice.
    RETURNS (Callable[[Language, Example], Iterator[Example]]): The augmenter; at the end of a corpus in which
        nothing was translated the reader raises an InputError.
    """
    rng, made = random.Random(seed), []
    needed = {"paths.dictionary": dictionary, "paths.vectors": vectors}
    needed |= {"system.source_language": source, "system.target_language": target}

    def translator() -> Translator:
        if not made:
            for name, value in needed.items():
                if value is None:
                    what = name.partition(".")[2].replace("_", " ")
                    remedy = f"Give it as --{name}; with level = 0 nothing is translated"
                    raise InputError(f"reverse translation has no {what}", remedy=remedy)
            made.append(make_translator(dictionary, vectors, source, target, alpha, window))
        return made[0]

    def translate(nlp: Language, example: Example) -> Iterator[Example]:
        chosen = rng.random() < level and is_in(example.reference, translator().source)
        if with_source or not chosen:
            yield example
        if chosen:
            yield _example(nlp, example, translator()(example.reference))

    def finish() -> None:
        for used in made:
            # Of few documents a small share may be none.
            if used.documents or level >= 1:
                used.require_translations()

    translate.finish = finish
    return translate
