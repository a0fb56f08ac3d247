"""The scores of the BSNLP shared tasks, as the organisers' evaluator counts them.

Recognition (RPM, REM, SM), normalisation (NORM) and linking (LEA) follow the official Java program,
version 19.0.4; linking is the measure of Moosavi and Strube 2016 (LEA). Every score is a sum of
`Counts` over cells (topic, language, document, type); a breakdown is the same sum over fewer cells.
Works on plain records, without spaCy.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from math import log2
from typing import NamedTuple

TYPES = ("PER", "LOC", "ORG", "PRO", "EVT")
RECOGNITION = ("RPM", "REM", "SM", "NORM")
LINKING = ("LEA_document", "LEA_language", "LEA_cross_language")
METRICS = (*RECOGNITION, *LINKING)
NO_ID = "-1"

# Java's String.trim(), which the official evaluator uses: everything up to and including the space.
BLANKS = "".join(map(chr, range(33)))


class Mention(NamedTuple):
    """One name of a document: a form, what it is, its base form and its entity.

    form (str): The name as it stands in the text.
    lemma (str): Its base form.
    type (str): One of PER, LOC, ORG, PRO, EVT; mentions of any other type are not scored.
    id (str): The entity; mentions without an id share the id "-1".
    """

    form: str
    lemma: str
    type: str
    id: str = NO_ID


@dataclass(slots=True)
class Document:
    """The mentions of one document, which is known by its topic, language and id.

    topic (str): The topic, for instance brexit.
    language (str): ISO 639-1 code.
    doc_id (str): The document's id, unique within its topic and language.
    mentions (list[Mention]): Its mentions; repeated forms are harmless.
    """

    topic: str
    language: str
    doc_id: str
    mentions: list[Mention] = field(default_factory=list)

    @property
    def key(self) -> tuple[str, str, str]:
        """What a reference and a system document are paired by."""
        return self.topic, self.language, self.doc_id


class Counts(NamedTuple):
    """Numerators and denominators of recall and precision; sums of them are micro averages."""

    found: float = 0.0
    wanted: float = 0.0
    right: float = 0.0
    given: float = 0.0

    def prf(self) -> dict[str, float]:
        """RETURNS (dict[str, float]): "p", "r", "f" as fractions of 1; 0 where a side is empty."""
        r = self.found / self.wanted if self.wanted else 0.0
        p = self.right / self.given if self.given else 0.0
        return {"p": p, "r": r, "f": 2 * p * r / (p + r) if p and r else 0.0}


class Cell(NamedTuple):
    """Where something was counted; fields that a measure does not tell apart are empty."""

    topic: str
    language: str
    doc_id: str
    type: str


class Scores:
    """The counts of one comparison, ready to be summed in any direction.

    counts (dict[str, dict[Cell, Counts]]): For each measure of METRICS, its cells.
    """

    def __init__(self, counts: dict[str, dict[Cell, Counts]]) -> None:
        self.counts = counts

    def split(self, *fields: str) -> dict[tuple[str, ...], dict[str, dict[str, float | None]]]:
        """Score every combination of the given fields.

        fields (str): Any of "topic", "language", "doc_id", "type"; none gives the total under ().
        RETURNS (dict): {values of the fields: {measure: {"p", "r", "f"}}}. A measure that does not
            tell a field apart (linking across languages, asked per language) has None there.
        """
        indices = [Cell._fields.index(name) for name in fields]
        sums: dict[str, dict[tuple[str, ...], list[float]]] = {}
        for metric, cells in self.counts.items():
            sums[metric] = defaultdict(lambda: [0.0] * len(Counts._fields))
            for cell, counts in cells.items():
                total = sums[metric][tuple([cell[i] for i in indices])]
                for i, count in enumerate(counts):
                    total[i] += count
        keys = {key: None for cells in sums.values() for key in cells if all(key)}
        if not fields:
            keys = {(): None}
        defined = {metric: set(fields) <= set(FIELDS[metric]) for metric in sums}
        undefined = dict.fromkeys("prf")
        return {
            key: {m: Counts(*sums[m][key]).prf() if defined[m] else dict(undefined) for m in METRICS}
            for key in keys
        }

    def to_dict(self) -> dict[str, dict]:
        """RETURNS (dict): "overall", "by_topic", "by_language" and "by_type", as `score --json`."""
        result: dict[str, dict] = {"overall": self.split()[()]}
        for name in ("topic", "language", "type"):
            parts = sorted(self.split(name).items(), key=_order)
            result[f"by_{name}"] = {key: scores for (key,), scores in parts}
        return result


# Which fields of a cell each measure tells apart.
FIELDS = {metric: Cell._fields for metric in (*RECOGNITION, "LEA_document")} | {
    "LEA_language": ("topic", "language", "type"),
    "LEA_cross_language": ("topic", "type"),
}


def score(gold: Iterable[Document], system: Iterable[Document]) -> Scores:
    """Compare a system's documents with the reference.

    Documents with the same key are merged first. A document that the system lacks is left out of
    recognition, normalisation and linking within documents (no loss of recall), but counts in
    linking within and across languages. One that the reference lacks is left out altogether.

    gold (Iterable[Document]): The reference.
    system (Iterable[Document]): What the system found.
    RETURNS (Scores): The counts of every measure.
    """
    golds, systems = _merge(gold), _merge(system)
    systems = {key: mentions for key, mentions in systems.items() if key in golds}
    counts: dict[str, dict[Cell, Counts]] = {metric: {} for metric in METRICS}
    for key in systems:
        gold_types, system_types = _by_type(golds[key]), _by_type(systems[key])
        for type_ in TYPES:
            ours, theirs = system_types.get(type_, []), gold_types.get(type_, [])
            if ours or theirs:
                cell = Cell(*key, type_)
                for metric, count in zip(RECOGNITION, RECOGNISERS, strict=True):
                    counts[metric][cell] = count(theirs, ours)
    wanted, given = _clusters(golds), _clusters(systems)
    paired = {cell: clusters for cell, clusters in wanted.items() if cell[:3] in systems}
    counts["LEA_document"] = _link(paired, given, _pairs)
    for metric, links in (("LEA_language", _pairs), ("LEA_cross_language", _cross)):
        counts[metric] = _link(_widen(wanted, metric), _widen(given, metric), links)
    return Scores(counts)


def _order(item: tuple[tuple[str, ...], object]) -> tuple[int, str]:
    name = item[0][0]
    return (TYPES.index(name), "") if name in TYPES else (len(TYPES), name)


def normalised(mention: Mention) -> Mention:
    """The mention as the evaluator sees it: trimmed, in lower case, with an id."""
    return Mention(
        mention.form.strip(BLANKS).lower(),
        mention.lemma.strip(BLANKS).lower(),
        mention.type.strip(BLANKS).upper(),
        mention.id.strip(BLANKS) or NO_ID,
    )


def _merge(documents: Iterable[Document]) -> dict[tuple[str, str, str], list[Mention]]:
    merged: dict[tuple[str, str, str], list[Mention]] = {}
    for document in documents:
        mentions = map(normalised, document.mentions)
        merged.setdefault(document.key, []).extend(m for m in mentions if m.type in TYPES)
    return merged


def _by_type(mentions: list[Mention]) -> dict[str, list[Mention]]:
    types: dict[str, list[Mention]] = defaultdict(list)
    for mention in mentions:
        types[mention.type].append(mention)
    return types


# Recognition and normalisation: the mentions of one document and one type.


def count_partial(gold: list[Mention], system: list[Mention]) -> Counts:
    """RPM: entities and forms that share a word with the other side.

    Sharing any contiguous n-gram of words is the same as sharing one word.
    """
    gold_words = {word for m in gold for word in m.form.split(" ")}
    system_words = {word for m in system for word in m.form.split(" ")}
    found = {m.id for m in gold if not system_words.isdisjoint(m.form.split(" "))}
    forms = {m.form for m in system}
    right = sum(not gold_words.isdisjoint(form.split(" ")) for form in forms)
    return Counts(len(found), len({m.id for m in gold}), right, len(forms))


def count_exact(gold: list[Mention], system: list[Mention]) -> Counts:
    """REM: entities of which at least one form was found exactly, against forms found wrongly."""
    forms = {m.form for m in system}
    found = len({m.id for m in gold if m.form in forms})
    wrong = len(forms - {m.form for m in gold})
    return Counts(found, len({m.id for m in gold}), found, found + wrong)


def count_strict(gold: list[Mention], system: list[Mention]) -> Counts:
    """SM: every form has to be found exactly."""
    wanted, given = {m.form for m in gold}, {m.form for m in system}
    right = len(wanted & given)
    return Counts(right, len(wanted), right, len(given))


def count_normalised(gold: list[Mention], system: list[Mention]) -> Counts:
    """NORM: equal base forms among the mentions whose base form differs from the form."""
    wanted = {m.form: m.lemma for m in gold if m.lemma != m.form}
    given = {m.form: m.lemma for m in system if m.lemma != m.form}
    right = sum(given.get(form) == lemma for form, lemma in wanted.items())
    return Counts(right, len(wanted), right, len(given))


RECOGNISERS = (count_partial, count_exact, count_strict, count_normalised)


# Linking. A mention's key is (language, document, form); a cluster is the set of keys with one id.

Key = tuple[str, str, str]
Clusters = dict[str, set[Key]]
CountLinks = Callable[[Collection[Key]], int]


def _pairs(keys: Collection[Key]) -> int:
    """Links in a cluster whose mentions all belong together."""
    n = len(keys)
    return n * (n - 1) // 2


def _cross(keys: Collection[Key]) -> int:
    """Links between mentions of different languages."""
    sizes = Counter(key[0] for key in keys).values()
    n = sum(sizes)
    return (n * n - sum(size * size for size in sizes)) // 2


def _clusters(documents: dict[tuple[str, str, str], list[Mention]]) -> dict[Cell, Clusters]:
    cells: dict[Cell, Clusters] = defaultdict(lambda: defaultdict(set))
    for (topic, language, doc_id), mentions in documents.items():
        for type_, group in _by_type(mentions).items():
            clusters = cells[Cell(topic, language, doc_id, type_)]
            for m in group:
                clusters[m.id].add((language, doc_id, m.form))
    return cells


def _widen(cells: dict[Cell, Clusters], metric: str) -> dict[Cell, Clusters]:
    """The clusters of whole languages or topics: those of their documents, joined by id."""
    unused = {name: "" for name in Cell._fields if name not in FIELDS[metric]}
    wide: dict[Cell, Clusters] = defaultdict(lambda: defaultdict(set))
    for cell, clusters in cells.items():
        joined = wide[cell._replace(**unused)]
        for id_, keys in clusters.items():
            joined[id_] |= keys
    return wide


def _link(
    golds: dict[Cell, Clusters], systems: dict[Cell, Clusters], links: CountLinks
) -> dict[Cell, Counts]:
    counts = {}
    for cell in {**golds, **systems}:
        wanted, given = golds.get(cell, {}), systems.get(cell, {})
        counts[cell] = Counts(*count_lea(wanted, given, links), *count_lea(given, wanted, links))
    return counts


def count_lea(wanted: Clusters, given: Clusters, links: CountLinks) -> tuple[float, float]:
    """The link-based entity-aware measure in one direction (Moosavi and Strube 2016, section 3).

    wanted (Clusters): The clusters to be found; those without links are left out.
    given (Clusters): The clusters to find them in.
    links (CountLinks): Counts the links in a set of mentions.
    RETURNS (tuple[float, float]): Sum of weight times the share of links found, and sum of weights;
        the weight of a cluster is log2 of its size.
    """
    where: dict[Key, list[str]] = defaultdict(list)
    for name, keys in given.items():
        for key in keys:
            where[key].append(name)
    found = weights = 0.0
    for keys in wanted.values():
        if len(keys) < 2 or not (total := links(keys)):
            continue
        shared: dict[str, list[Key]] = defaultdict(list)
        for key in keys:
            for name in where.get(key, ()):
                shared[name].append(key)
        weight = log2(len(keys))
        found += weight * sum(map(links, shared.values())) / total
        weights += weight
    return found, weights
