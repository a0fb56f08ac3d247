"""Links: accuracy of ids on gold mentions beside looking the form up, and the time a look-up takes.

    python benchmarks/linking.py --slavicner SLAVICNER --split single_out --topic covid-19 --json F
    python benchmarks/linking.py --slavicner SLAVICNER --split single_out --test --json F
    python benchmarks/linking.py --slavicner SLAVICNER --topic nord_stream --neighbours ENCODER --json F
    python benchmarks/linking.py --no-accuracy --sizes 1000 --sizes 100000 --sizes 1000000 --json F

With `--topic` the split's training part is cut in two: that topic is tested on, the others are trained
on. For a split that shares its topics (cross_topic) leave `--topic` out: its tuning part is tested on.
Settings are chosen so; `--test` is for the final figures. Base forms are the annotated ones ("gold", the
setting of the SlavicNER paper), the most frequent one of the form in the training part ("memory"), the
mention as it stands ("form"), or what the `name_normalizer` of a pipeline gives (its path).

`--neighbours` asks what names nearest to a name in a multilingual encoder would add. `name_linker` does not
use them: see docs/components/name_linker.md.
"""

import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy
import spacy
import typer
from common import peak_mib, save
from common.data import corpus_folder, split_name, split_sources
from tqdm import tqdm

from spacy_slavner.corpora import slavicner
from spacy_slavner.corpora.mentions import NO_ID, Mention
from spacy_slavner.corpora.report import Report
from spacy_slavner.corpora.sources import Options, Source
from spacy_slavner.crosslingual.encoder_words import encode_words
from spacy_slavner.errors import InputError
from spacy_slavner.evaluation import bsnlp, oracle
from spacy_slavner.linking.candidates import Name, find
from spacy_slavner.linking.knowledge import Index
from spacy_slavner.linking.linker import SCOPES, Linker, train

LinkedT = list[tuple[Name, str]]
NEAREST = 10
BLOCK = 512
GROUPS = {"topic": lambda source: source.topic, "document": lambda source: source.source}


def read(sources: Iterable[Source], base_forms: str, training: list[LinkedT] = ()) -> list[LinkedT]:
    """Read the names of documents and their ids; those without an id are left out."""
    if base_forms not in ("gold", "memory", "form"):
        return normalised(sources, base_forms)
    report = Report()
    memory = most_frequent(training, lambda n: (n.language, n.form), lambda n, _: n.base)

    def base(mention: Mention, source: Source) -> str:
        known = {"gold": mention.lemma, "memory": memory.get((source.language, mention.form))}
        return known.get(base_forms) or mention.form

    documents = []
    for source in tqdm(sources, desc="read", unit="doc"):
        mentions = slavicner.read_tsv(source.annotation, "utf-8", report, source.annotation_source)
        documents.append(
            [
                (Name(m.form, base(m, source), m.type, source.language), m.id)
                for m in mentions
                if m.id and m.id != NO_ID
            ]
        )
    return documents


def most_frequent(documents: Iterable[LinkedT], key: Callable, value: Callable) -> dict:
    """What a name's key most often goes with."""
    return oracle.most_frequent((key(n), value(n, id), 1) for document in documents for n, id in document)


def normalised(sources: Iterable[Source], path: str) -> list[LinkedT]:
    """Read names with the base forms that a pipeline gives to the annotated mentions."""
    nlp = spacy.load(path)
    normalizer = nlp.get_pipe("name_normalizer")
    documents = []
    for source in tqdm(sources, desc="base forms", unit="doc"):
        (doc,) = slavicner.read(source, nlp, Options(), Report())
        for ent in doc.ents:
            ent._.base_form = None
        doc = normalizer(doc)
        documents.append(
            [
                (Name(ent.text, ent._.base_form or ent.text, ent.label_, source.language), ent.kb_id_)
                for ent in doc.ents
                if ent.kb_id_ not in ("", NO_ID)
            ]
        )
    return documents


def parts(folder: Path, split: str, topic: str | None, test: bool) -> tuple[list[Source], list[Source]]:
    """Give the sources to train on and to test on."""
    split_ = split_sources(folder, split)
    if test:
        return split_["train"] + split_["dev"], split_["test"]
    if topic:
        known = split_["train"] + split_["dev"]
        own = [source for source in known if source.topic == topic]
        if not own:
            raise InputError(f"The training part has no topic {topic!r}")
        return [source for source in known if source.topic != topic], own
    return split_["train"], split_["dev"]


def look_up(documents: list[LinkedT], key: Callable[[Name], str]) -> Callable[[Name], str]:
    """The baseline: the most frequent id of a form, or of a base form."""
    best = most_frequent(documents, lambda n: key(n).lower(), lambda _, id: id)
    return lambda name: best.get(key(name).lower(), oracle.own_id(name.type, name.form))


def accuracies(documents: list[LinkedT], ids: list[list[str]], known: set[str]) -> dict:
    """Give the share of exact ids, by several breakdowns."""
    right: dict[str, Counter[str]] = defaultdict(Counter)
    total: dict[str, Counter[str]] = defaultdict(Counter)
    for document, found in zip(documents, ids, strict=True):
        for (name, id), given in zip(document, found, strict=True):
            groups = {
                "all": "all",
                "language": name.language,
                "type": name.type,
                "id": "seen" if id in known else "unseen",
            }
            for kind, group in groups.items():
                total[kind][group] += 1
                right[kind][group] += given == id
    return {
        kind: {g: {"accuracy": right[kind][g] / n, "mentions": n} for g, n in sorted(counts.items())}
        for kind, counts in total.items()
    }


def lea(sources: list[Source], documents: list[LinkedT], ids: list[list[str]]) -> dict[str, float]:
    """Score clusters as the shared tasks do."""

    def records(given: Iterable[list[str]]) -> list[bsnlp.Document]:
        result = []
        for source, document, own in zip(sources, documents, given, strict=True):
            pairs = zip(document, own, strict=True)
            mentions = [bsnlp.Mention(n.form, n.base, n.type, id or NO_ID) for (n, _), id in pairs]
            result.append(bsnlp.Document(source.topic, source.language, source.source, mentions))
        return result

    return oracle.lea(records([[id for _, id in document] for document in documents]), records(ids))


def measure(
    folder: Path,
    split: str,
    topic: str | None,
    test: bool,
    base_forms: list[str],
    held_out: str,
    encoder: Path | None = None,
    layer: int = -1,
) -> list[dict]:
    """Train once, link with each kind of base forms, and score beside look-up."""
    train_sources, test_sources = parts(folder, split, topic, test)
    training = read(train_sources, "gold")
    began = time.process_time()
    linker = train(training, [str(GROUPS[held_out](source)) for source in train_sources])
    seconds = time.process_time() - began
    where = "test" if test else topic or "tuning part"
    figures = {
        "split": split,
        "tested_on": where,
        "held_out": held_out,
        "documents": {"train": len(train_sources), "test": len(test_sources)},
        "train_seconds": seconds,
        "knowledge_rows": len(linker.knowledge),
        "knowledge_bytes": linker.knowledge.index.nbytes(),
    }
    result = []
    for kind in base_forms:
        testing = read(test_sources, kind, training)
        result.append(
            {**figures, "base_forms": kind, "systems": systems(linker, training, testing, test_sources)}
        )
        if encoder:
            result[-1]["neighbours"] = neighbours(linker, testing, encoder, layer)
        show(result[-1])
    return result


def systems(linker: Linker, training: list[LinkedT], testing: list[LinkedT], test_sources) -> dict:
    """Score look-up and the linker."""
    known = {id for document in training for _, id in document}
    names = [[name for name, _ in document] for document in testing]
    rows = {}
    for label, key in (("look-up of forms", lambda n: n.form), ("look-up of base forms", lambda n: n.base)):
        guess = look_up(training, key)
        rows[label] = {"ids": [[guess(name) for name in document] for document in names], "seconds": None}
    for scope in SCOPES:
        linker._cache.clear()
        began = time.process_time()
        ids = [[link.id for link in links] for links in linker.link(names, scope)]
        rows[f"name_linker, scope {scope}"] = {"ids": ids, "seconds": time.process_time() - began}
    return {
        label: {
            **accuracies(testing, row["ids"], known),
            "lea": lea(test_sources, testing, row["ids"]),
            "seconds": row["seconds"],
        }
        for label, row in rows.items()
    }


def neighbours(linker: Linker, testing: list[LinkedT], encoder: Path, layer: int) -> dict:
    """Count how often the nearest base forms have the right id where the linker's candidates lack it.

    Also the accuracy if what the linker takes for new got the id of the nearest name of its type, from that
    similarity on with which it is highest on these very names: more than a rule can reach without them.
    """
    index, ids = linker.knowledge.index, set(linker.knowledge.index.ids)
    near = nearest(index, sorted({name.base for document in testing for name, _ in document}), encoder, layer)
    given = linker.link([[name for name, _ in document] for document in testing])
    found, right, changes = Counter(), 0, []
    for document, links in zip(testing, given, strict=True):
        for (name, gold), link in zip(document, links, strict=True):
            ten = [index.ids[id] for id in list(dict.fromkeys(id for _, id in near[name.base]))[:NEAREST]]
            lacking = gold in ids and gold not in {index.ids[id] for id in linker._find(name).ids}
            found.update(known=gold in ids, no_candidate=lacking, among_nearest=lacking and gold in ten)
            right += link.id == gold
            type_ = index.TYPES.index(name.type)
            alike = [(score, id) for score, id in near[name.base] if index.id_types[id, type_]]
            if alike and not link.known:
                score, id = alike[0]
                changes.append((score, (index.ids[id] == gold) - (link.id == gold)))
    gains = numpy.cumsum([gain for _, gain in sorted(changes, reverse=True)]).tolist()
    n = sum(map(len, testing))
    figures = {"mentions": n, **found, "accuracy": right / n, "at_best": (right + max([0, *gains])) / n}
    print(f"nearest names: {figures}")
    return figures


def nearest(index: Index, wanted: list[str], encoder: Path, layer: int) -> dict[str, list[tuple[float, int]]]:
    """Find ids by the nearest base forms of a knowledge base, each encoded alone, and their similarity."""
    owners: dict[str, set[int]] = defaultdict(set)
    for row, id in enumerate(index.id.tolist()):
        owners[index.base[row]].add(id)
    known, result = list(owners), {}
    vectors = encode_words([*known, *wanted], encoder, layer).vectors
    vectors = vectors - vectors[: len(known)].mean(axis=0)
    vectors /= numpy.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-6)
    names, queries = numpy.split(vectors, [len(known)])
    for start in range(0, len(wanted), BLOCK):
        scores = queries[start : start + BLOCK] @ names.T
        for base, own in zip(wanted[start : start + BLOCK], scores, strict=True):
            order = numpy.argsort(-own, kind="stable")[: 5 * NEAREST]
            result[base] = [(float(own[i]), id) for i in order for id in sorted(owners[known[i]])]
    return result


def show(figures: dict) -> None:
    """Print a table: a column for each system."""
    systems = figures["systems"]
    print(f"{figures['split']}, tested on {figures['tested_on']}, base forms: {figures['base_forms']}")
    for i, label in enumerate(systems, start=1):
        print(f"  {i}: {label}")
    first = next(iter(systems.values()))
    for kind in ("all", "language", "type", "id"):
        for group, cell in first[kind].items():
            values = "  ".join(f"{system[kind][group]['accuracy']:.4f}" for system in systems.values())
            print(f"{group:20} {cell['mentions']:>7}  {values}")
    for metric in first["lea"]:
        print(f"{metric + ' F':28}  " + "  ".join(f"{s['lea'][metric]:.4f}" for s in systems.values()))
    for label, system in systems.items():
        if system["seconds"]:
            mentions = system["all"]["all"]["mentions"]
            print(f"{label}: {mentions / system['seconds']:,.0f} mentions/s")


def latency(size: int, seed: int, queries: int = 300) -> dict:
    """Measure look-ups in a knowledge base of made-up names."""
    draw = random.Random(seed)
    syllables = [c + v for c in "bcdfghjklmnprstvz" for v in "aeiou"] + ["an", "er", "ov", "ski", "ung"]

    def word() -> str:
        return "".join(draw.choices(syllables, k=draw.randint(2, 4))).capitalize()

    names = list(dict.fromkeys(f"{word()} {word()}" for _ in range(size)))
    began = time.process_time()
    rows = Counter({(f"PER-{n.replace(' ', '-')}", n, n, "", "PER"): 1 for n in names})
    index = Index.of(rows)
    building = time.process_time() - began
    chosen = draw.choices(names, k=queries)
    kinds = {
        "known": chosen,
        # One letter is another: the trigrams must find it.
        "misspelt": [n[:3] + draw.choice("aeiou") + n[4:] for n in chosen],
        "unknown": [f"{word()} {word()}" for _ in range(queries)],
    }
    result = {"names": len(names), "build_seconds": building, "bytes": index.nbytes()}
    for kind, forms in kinds.items():
        times, hits = [], 0
        for form, name in zip(forms, chosen, strict=True):
            query = Name(form, form, "PER", "pl")
            # Time on the processor: a busy machine's pauses are not the look-up's.
            began = time.thread_time()
            found = find(index, query)
            times.append(time.thread_time() - began)
            hits += f"PER-{name.replace(' ', '-')}" in {index.ids[id] for id in found.ids}
        times.sort()
        result[kind] = {
            "median_ms": times[len(times) // 2] * 1e3,
            "p95_ms": times[len(times) * 95 // 100] * 1e3,
            **({"found": hits / len(forms)} if kind != "unknown" else {}),
        }
    result["peak_memory_mb"] = peak_mib()
    cells = "  ".join(f"{k} {result[k]['median_ms']:.2f} ms (95%: {result[k]['p95_ms']:.2f})" for k in kinds)
    print(f"{len(names):>9,} names, index {result['bytes'] / 1e6:.0f} MB: {cells}")
    return result


def main(
    json_path: Path = typer.Option(None, "--json", help="File for the figures"),
    accuracy: bool = typer.Option(True, "--accuracy/--no-accuracy", help="Whether links are measured"),
    folder: Path = typer.Option(None, "--slavicner", help="Folder of SlavicNER (raw/, ner/ and lists)"),
    split: str = typer.Option("single_out", help="Split of the corpus"),
    topic: str = typer.Option(None, help="Topic of the training part to test on"),
    test: bool = typer.Option(False, help="Train on the whole training part, test on the test part"),
    base_forms: list[str] = typer.Option(
        ["gold", "memory", "form"], help="Base forms at test time: gold, memory, form or a pipeline"
    ),
    held_out: str = typer.Option("topic", help="What the ranker has not seen in training: topic or document"),
    encoder: Path = typer.Option(None, "--neighbours", help="Encoder whose nearest names are looked at"),
    layer: int = typer.Option(-1, help="Its layer, the last by default"),
    sizes: list[int] = typer.Option([], help="Names in a knowledge base for the latency of look-ups"),
    seed: int = typer.Option(0, help="Seed of the made-up names"),
) -> None:
    """Measure links."""
    figures: dict = {"seed": seed}
    if accuracy:
        folder = corpus_folder(folder)
        split = split_name(folder, split)
        figures["accuracy"] = measure(folder, split, topic, test, base_forms, held_out, encoder, layer)
    figures["latency"] = [latency(size, seed) for size in sizes]
    save(json_path, figures)


if __name__ == "__main__":
    typer.run(main)
