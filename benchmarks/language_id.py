"""Language identification: the light classifier beside py3langid, lingua, pycld2 and heads over an encoder.

    python benchmarks/language_id.py --json F [--slavicner DIR] [--topic covid-19] [--texts DIR]
        [--pipeline DIR]

Trained on the training list of the split single_out, tested on us_election_2020: whole documents, their
sentences, those of five words or more, and random windows of five words. Settings are to be chosen with
another `--topic`, which is then left out of the training list: the test topic is for the final figures. With
`--texts` (folders of text, treebanks) the light classifier learns from them besides, as it does in a pipeline
that learns from silver names. The other programs are restricted to the same six languages; one that is not
installed is skipped. News quote in other languages, and a sentence counts as one in the language of its
document: where all the other programs, two at least, agree on another language it is taken as a quotation,
and the accuracy without quotations stands beside the one over all. That is fair to our own classifiers alone,
which have no vote. A pipeline with a language head over an encoder is measured with what the head needs,
encoder included; the topic must not be among its training data, and `--no-light` leaves the training of the
light classifier out.
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

import spacy
import typer
from common import save
from common.data import corpus_folder, split_sources
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import warmup_linear
from tqdm import tqdm

from spacy_slavner.attributes import LANGUAGES, set_attributes
from spacy_slavner.corpora.reader import cut
from spacy_slavner.corpora.sentences import rules_for
from spacy_slavner.corpora.sources import Source
from spacy_slavner.corpora.tokenizer import create_slavic_tokenizer
from spacy_slavner.errors import InputError
from spacy_slavner.pretraining.texts import find_texts
from spacy_slavner.training.optimizer import AdamW_v1

# The same as in configs/base.cfg: about 1,150 words in pieces of 130.
PIECE, BATCH = 130, 9
# What a language head may need before it.
NEEDED = ("language_id", "sentence_splitter", "sentencizer", "transformer")
TextsT = list[tuple[str, str]]


def training_texts(sources: list[Source], topic: str, folders: list[Path]) -> Iterator[tuple[str, str]]:
    """Give the texts of all topics but one, then those of folders, each with its language."""
    for source in sources:
        if source.topic != topic:
            yield source.path.read_text(encoding="utf8"), source.language
    more = find_texts(folders).documents if folders else {}
    for language in sorted(more.keys() & set(LANGUAGES)):
        for document in more[language]:
            yield from ((text, language) for _, text in document.texts())


def train(texts: Iterable[tuple[str, str]], steps: int, rate: float, seed: int) -> Language:
    """Train a pipeline of the tokenizer and `language_id` as spaCy's loop does."""
    set_attributes()
    nlp = spacy.blank("xx")
    nlp.tokenizer = create_slavic_tokenizer()(nlp)
    examples = []
    for text, language in tqdm(texts, desc="read", unit="doc"):
        doc = nlp.make_doc(text)
        doc._.language = language
        for piece in cut(doc, PIECE):
            predicted = Doc(
                nlp.vocab,
                words=[token.text for token in piece],
                spaces=[bool(token.whitespace_) for token in piece],
            )
            examples.append(Example(predicted, piece))
    nlp.add_pipe("language_id", config={"seed": seed})
    nlp.initialize(lambda: examples)
    sgd = AdamW_v1(warmup_linear(rate, 100, steps))
    draw = random.Random(seed)
    losses: dict[str, float] = {}
    for _ in tqdm(range(steps), desc="train", unit="step"):
        nlp.update(draw.sample(examples, BATCH), sgd=sgd, losses=losses)
        sgd.step_schedules()
    return nlp


def test_texts(slavicner: Path, topic: str, seed: int, every: int = 1) -> dict[str, TextsT]:
    """Give documents, sentences, those of some length, and windows of five words, each with its language."""
    draw = random.Random(seed)
    documents, sentences, snippets = [], [], []
    for path in sorted(slavicner.glob(f"raw/{topic}/*/*.txt"))[::every]:
        language, text = path.parent.name, path.read_text(encoding="utf8")
        documents.append((text, language))
        edges = [0, *rules_for(language)(text), len(text)]
        for start, end in zip(edges, edges[1:], strict=False):
            sentence = text[start:end].strip()
            if any(c.isalpha() for c in sentence):
                sentences.append((sentence, language))
        words = text.split()
        for _ in range(10 if len(words) >= 5 else 0):
            start = draw.randrange(len(words) - 4)
            snippets.append((" ".join(words[start : start + 5]), language))
    longer = [(text, language) for text, language in sentences if len(text.split()) >= 5]
    return {
        "documents": documents,
        "sentences": sentences,
        "sentences of 5 words or more": longer,
        "five_words": snippets,
    }


def heads(path: Path) -> Iterator[tuple[str, Language]]:
    """Give, for each language head over an encoder in a pipeline, its name and what is needed to run it."""
    names = spacy.load(path).pipe_names
    found = False
    for name in names:
        nlp = spacy.load(path)
        pipe = nlp.get_pipe(name)
        if nlp.get_pipe_meta(name).factory != "language_id" or not pipe.model.has_ref("sentences"):
            continue
        found, pipe.overwrite = True, True
        before = names[: names.index(name)]
        keep = [n for n in before if nlp.get_pipe_meta(n).factory in NEEDED]
        nlp.select_pipes(enable=[*keep, name])
        yield f"{path.name}:{name}", nlp
    if not found:
        raise InputError("The pipeline has no language head over an encoder", path=path)


def ours(nlp: Language) -> Callable[[list[str]], list[str | None]]:
    return lambda texts: [doc._.language for doc in nlp.pipe(texts)]


def langid() -> Callable[[list[str]], list[str | None]]:
    import py3langid

    py3langid.set_languages(list(LANGUAGES))
    return lambda texts: [py3langid.classify(text)[0] for text in texts]


def lingua() -> Callable[[list[str]], list[str | None]]:
    from lingua import IsoCode639_1, Language, LanguageDetectorBuilder

    codes = [IsoCode639_1.from_str(code.upper()) for code in LANGUAGES]
    languages = [Language.from_iso_code_639_1(code) for code in codes]
    detector = LanguageDetectorBuilder.from_languages(*languages).build()
    detector.detect_language_of("Dobrý den")  # loads its models

    def detect(texts: list[str]) -> list[str | None]:
        found = [detector.detect_language_of(text) for text in texts]
        return [x.iso_code_639_1.name.lower() if x else None for x in found]

    return detect


def cld2() -> Callable[[list[str]], list[str | None]]:
    import pycld2

    def first(text: str) -> str | None:
        text = "".join(c for c in text if c.isprintable() or c == "\n")
        codes = [row[1] for row in pycld2.detect(text, bestEffort=True)[2]]
        return next((code for code in codes if code in LANGUAGES), None)

    return lambda texts: [first(text) for text in texts]


OTHERS = {"py3langid": langid, "lingua": lingua, "pycld2": cld2}


def evaluate(name: str, detect: Callable, texts: dict[str, TextsT]) -> list[dict]:
    """Give a row of figures for each kind of texts, with the program's answers, which `quotations` needs."""
    rows = []
    for kind, pairs in texts.items():
        began = time.perf_counter()
        found = detect([text for text, _ in pairs])
        seconds = time.perf_counter() - began
        right = [x == y for x, (_, y) in zip(found, pairs, strict=True)]
        by_language = {
            language: sum(hits) / len(hits)
            for language in LANGUAGES
            if (hits := [r for r, (_, y) in zip(right, pairs, strict=True) if y == language])
        }
        row = {
            "program": name,
            "texts": kind,
            "number": len(pairs),
            "accuracy": sum(right) / len(right),
            "by_language": by_language,
            "texts_per_second": len(pairs) / seconds,
            "words_per_second": sum(len(text.split()) for text, _ in pairs) / seconds,
            "answers": found,
        }
        rows.append(row)
        speed = f"{row['texts_per_second']:>9,.0f} texts/s {row['words_per_second']:>11,.0f} words/s"
        print(f"{name:12} {kind:28} accuracy {row['accuracy']:.4f} {speed}")
    return rows


def quotations(rows: list[dict], texts: dict[str, TextsT]) -> dict[str, int]:
    """Replace the answers in the rows by the accuracy without quotations, and count these.

    A quotation is a text for which all programs but ours, two at least, give one language that is not that of
    its document.
    """
    counts = {}
    for kind, pairs in texts.items():
        of_kind = [row for row in rows if row["texts"] == kind]
        votes = [row["answers"] for row in of_kind if row["program"] in OTHERS]
        truth = [language for _, language in pairs]
        own = [
            len(votes) < 2 or len(set(given)) > 1 or given[0] in (language, None)
            for language, *given in zip(truth, *votes, strict=True)
        ]
        counts[kind] = len(own) - sum(own)
        for row in of_kind:
            hits = [x == y for x, y, o in zip(row.pop("answers"), truth, own, strict=True) if o]
            if len(votes) > 1:
                row["without_quotations"] = sum(hits) / len(hits)
    return counts


def main(
    slavicner: Path = typer.Option(None, help="Folder of SlavicNER (raw/, ner/ and lists of the splits)"),
    json_path: Path = typer.Option(None, "--json", help="File for the figures"),
    topic: str = typer.Option("", help="Topic to test on, not trained on; by default that of the test part"),
    steps: int = typer.Option(2500, help="Training steps; about those of a pipeline on that split"),
    rate: float = typer.Option(1e-3, help="Learning rate"),
    seed: int = typer.Option(0, help="Seed of training and of the windows"),
    every: int = typer.Option(1, min=1, help="Test on every so many-th document alone"),
    others: bool = typer.Option(True, help="Also measure the other programs"),
    light: bool = typer.Option(True, help="Train and measure the light classifier"),
    pipeline: list[Path] = typer.Option([], help="Trained pipeline whose language head is measured"),
    more: list[Path] = typer.Option([], "--texts", help="Folder of text to learn from besides"),
) -> None:
    """Measure accuracy and speed of language identification."""
    slavicner = corpus_folder(slavicner)
    parts = split_sources(slavicner)
    topic = topic or parts["test"][0].topic
    figures = {"topic": topic, "steps": steps, "seed": seed, "every": every}
    figures["texts"] = [folder.name for folder in more]
    texts = test_texts(slavicner, topic, seed, every)
    rows = []
    if light:
        began = time.perf_counter()
        known = training_texts(parts["train"] + parts["dev"], topic, more)
        nlp = train(known, steps, rate, seed)
        figures["train_seconds"] = time.perf_counter() - began
        rows += evaluate("language_id", ours(nlp), texts)
        figures["component_words_per_second"] = component_speed(nlp, texts["documents"])
    for path in pipeline:
        for name, nlp in heads(path):
            rows += evaluate(name, ours(nlp), texts)
    for name, make in OTHERS.items() if others else ():
        if find_spec(name) is None:
            print(f"{name} is not installed: skipped")
            continue
        rows += evaluate(name, make(), texts)
    figures["quotations"] = quotations(rows, texts)
    for row in rows:
        if "without_quotations" in row:
            print(f"{row['program']:12} {row['texts']:28} without quotations {row['without_quotations']:.4f}")
    figures["rows"] = rows
    save(json_path, figures)


def component_speed(nlp: Language, documents: TextsT) -> float:
    """Words per second of the component without the tokenizer, which every pipeline needs anyway."""
    docs = list(nlp.tokenizer.pipe(text for text, _ in documents))
    words = sum(len(text.split()) for text, _ in documents)
    start = time.perf_counter()
    for _ in nlp.get_pipe("language_id").pipe(docs, batch_size=64):
        pass
    speed = words / (time.perf_counter() - start)
    print(f"language_id without the tokenizer: {speed:,.0f} words/s")
    return speed


if __name__ == "__main__":
    typer.run(main)
