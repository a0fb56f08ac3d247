"""Base forms of gold names: every method alone, the chain, and the baselines copy and look-up.

    python benchmarks/normalization.py --json F [--corpus corpus/single_out] [--topic covid-19] [--udpipe DIR]
    python benchmarks/normalization.py --json F --untrained [--corpus corpus/single_out] [--udpipe DIR]

CORPUS is a split as `python -m spacy_slavner prepare` writes it. The methods are trained on train.spacy and
dev.spacy and measured on test.spacy. Settings are to be chosen with `--topic`: that topic of the training
part is then left out of it and measured on, and test.spacy is not read. A name is right if its base form is
equal in small letters, as in the official evaluator; "cased" counts equal ones. With `--untrained` only what
needs no training is measured, on all three parts together: the rules by their sources, beside lemmatisers
that are asked word by word, each in its languages. The few names that are not
on token edges are not in the corpus as it is converted.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import spacy
import typer
from common import save
from common.data import split_folder
from spacy.tokens import Doc, Span

from spacy_slavner.attributes import LANGUAGES, TYPES
from spacy_slavner.corpora.docbin import read_docs
from spacy_slavner.evaluation.oracle import base_form_hits, kinds_of, shares, with_gold_names
from spacy_slavner.normalization.analysis import UDPipe
from spacy_slavner.normalization.lexicons import LEXICONS, make_lexicon
from spacy_slavner.normalization.methods import BasesT, Memory, Method, chain
from spacy_slavner.normalization.names import Text, names_of
from spacy_slavner.normalization.rules import Rules
from spacy_slavner.normalization.transducer import Settings, Transducer
from spacy_slavner.pipeline.name_normalizer import lessons_of

GROUPS = ("all", *LANGUAGES, *TYPES, "changed", "unchanged", "several words", "form not in training")
# Lemmatisers that can be asked for a word, and their languages.
LEMMATIZERS = {"simplemma": LANGUAGES, "pymorphy3": ("ru", "uk"), "lemmagen3": LANGUAGES}


def parts_of(corpus: Path, topic: str | None) -> tuple[list[Doc], list[Doc]]:
    """Give the documents to train on and those to measure on."""
    vocab = spacy.blank("xx").vocab
    train = [doc for part in ("train", "dev") for doc in read_docs(corpus / f"{part}.spacy", vocab)]
    if topic is None:
        return train, list(read_docs(corpus / "test.spacy", vocab))
    test = [doc for doc in train if doc._.topic == topic]
    if not test:
        raise typer.BadParameter(f"the training part has no topic {topic!r}")
    return [doc for doc in train if doc._.topic != topic], test


def groups_of(doc: Doc, ent: Span, known: Memory) -> Iterator[str]:
    """The groups that a name is counted in."""
    yield from ("all", doc._.language, ent.label_)
    new = known.get(doc._.language, ent.text) is None
    for kind in kinds_of(ent.text, ent._.base_form, new):
        yield "form not in training" if kind == "new form" else kind


def measure(name: str, methods: list[Method], texts: list[Text], gold: list[Doc], known: Memory) -> dict:
    """Measure methods, the first asked first and what none knows copied."""
    began = time.process_time()
    found = chain(methods, texts)
    seconds = time.process_time() - began
    found_shares = shares(
        (groups_of(doc, ent, known), base_form_hits(base, ent._.base_form))
        for doc, bases in zip(gold, found, strict=True)
        for ent, base in zip(doc.ents, bases, strict=True)
    )
    accuracy = {group: found_shares[group] for group in GROUPS if group in found_shares}
    n = accuracy["all"]["names"]
    words = sum(len(doc.text.split()) for doc in gold)
    print(f"{name:24}" + " ".join(f"{group} {row['accuracy']:.4f}" for group, row in accuracy.items()))
    speed = {"names_per_second": n / seconds, "words_per_second": words / seconds} if seconds else {}
    return {"system": name, "accuracy": accuracy, **speed}


class WordByWord:
    """A lemmatiser that is asked for each word of a name alone."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.languages = LEMMATIZERS[name]
        self._models: dict[str, Callable[[str], str]] = {}

    def predict(self, texts: Sequence[Text]) -> BasesT:
        return [[self._base(text.language, span) for span in text.spans] for text in texts]

    def _base(self, language: str, span: Span) -> str:
        if language not in self._models:
            self._models[language] = cache(self._open(language))
        lemma = self._models[language]
        return "".join(lemma(token.text) + token.whitespace_ for token in span).strip()

    def _open(self, language: str) -> Callable[[str], str]:
        if self.name == "simplemma":
            return partial(import_module("simplemma").lemmatize, lang=language)
        if self.name == "lemmagen3":
            return import_module("lemmagen3").Lemmatizer(language).lemmatize
        analyzer = import_module("pymorphy3").MorphAnalyzer(lang=language)
        return lambda word: analyzer.parse(word)[0].normal_form


def rules_of(udpipe: Path | None) -> dict[str, Rules]:
    """The rules by what they ask: dictionaries, UDPipe's models, or both."""
    names = [name for name in LEXICONS if find_spec(name)]
    lexicons = [make_lexicon(name) for name in names]
    found = {f"rules ({', '.join(names)})": Rules([], lexicons)} if names else {}
    if udpipe:
        source = UDPipe(udpipe)
        found |= {"rules (UDPipe)": Rules([source])}
        found |= {f"rules ({', '.join(['UDPipe', *names])})": Rules([source], lexicons)} if names else {}
    return found or {"rules": Rules([])}


def untrained(docs: list[Doc], udpipe: Path | None) -> list[dict]:
    """Measure what needs no training, lemmatisers in the languages that they have."""
    systems = {"copy": ([], LANGUAGES)}
    for name in filter(find_spec, LEMMATIZERS):
        # Ukrainian is a dictionary of its own, which may not be there.
        known = [x for x in LEMMATIZERS[name] if name != "pymorphy3" or find_spec(f"{name}_dicts_{x}")]
        systems[name] = ([WordByWord(name)], known)
    systems |= {name: ([rules], LANGUAGES) for name, rules in rules_of(udpipe).items()}
    rows = []
    for name, (methods, languages) in systems.items():
        gold = [doc for doc in docs if doc._.language in languages]
        texts = [names_of(with_gold_names(doc)) for doc in gold]
        rows.append(measure(name, methods, texts, gold, Memory()))
    return rows


def settings_of(given: list[str]) -> Settings:
    """Read settings of the learned method."""
    return Settings(**{name: json.loads(value) for name, _, value in (x.partition("=") for x in given)})


def main(
    corpus: Path = typer.Option(None, help="Folder with train.spacy, dev.spacy and test.spacy of a split"),
    json_path: Path = typer.Option(None, "--json", help="File for the figures"),
    without: bool = typer.Option(False, "--untrained", help="Measure untrained methods, on all parts"),
    topic: str | None = typer.Option(None, help="Topic of the training part to measure on instead"),
    udpipe: Path | None = typer.Option(None, help="Folder with UDPipe models for the rules"),
    settings: list[str] = typer.Option([], "--set", help="Setting of the learned method, as epochs=3"),
    seed: int = typer.Option(0, help="Seed of the learned method"),
) -> None:
    """Measure base forms of gold names."""
    corpus = split_folder(corpus)
    train, gold = parts_of(corpus, topic)
    if without:
        docs = [doc for doc in (*train, *gold) if doc.ents]
        save(json_path, {"corpus": corpus.name, "topic": "all", "rows": untrained(docs, udpipe)})
        return
    gold = [doc for doc in gold if doc.ents]
    texts = [names_of(with_gold_names(doc)) for doc in gold]
    lessons = lessons_of(train)
    memory, learned = Memory(), Transducer(settings_of(settings))
    rules = rules_of(udpipe)
    memory.learn(lessons)
    began = time.process_time()
    learned.learn(lessons, seed=seed, progress=True)
    seconds = time.process_time() - began
    systems: dict[str, list[Method]] = {
        "copy": [],
        "look-up": [memory],
        "learned": [learned],
        **{name: [method] for name, method in rules.items()},
        "memory, learned": [memory, learned],
        **{f"memory, {name}": [memory, method] for name, method in rules.items()},
    }
    rows = [measure(name, methods, texts, gold, memory) for name, methods in systems.items()]
    figures = {
        "corpus": corpus.name,
        "topic": topic or "test",
        "seed": seed,
        "train_names": sum(len(bases) for _, bases in lessons),
        "train_cpu_seconds": seconds,
        "rows": rows,
    }
    save(json_path, figures)


if __name__ == "__main__":
    typer.run(main)
