"""From the names of documents to ids: candidates, a choice, and ids for new names."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray
from tqdm import tqdm

from .candidates import FEATURES, Candidates, Name, find
from .knowledge import Index, Knowledge, RowT
from .new_names import Style, is_longer, new_ids
from .ranker import Ranker

CONTEXT = (
    "document: another name", "document: longer name", "document: longer name is another",
    "corpus: other names", "none: longer name", "none: longer name is new",
)  # fmt: skip
CACHE = 50_000
FOLDS = 8
SURE = 0.5
SCOPES = ("document", "corpus")


@dataclass
class Link:
    """What a name was linked to.

    id (str): The id.
    probability (float): Of the candidate that was chosen, or of being new.
    known (bool): Whether the id is the knowledge base's.
    """

    id: str
    probability: float
    known: bool


@dataclass
class _Document:
    """The different names of a document, before a choice."""

    names: list[Name]
    counts: list[int]
    found: list[Candidates]
    first: list[NDArray]
    longer: list[list[int]]


class Linker:
    """Links names to a knowledge base, and gives ids to those that are not in it.

    knowledge (Knowledge): The knowledge base.
    first (Ranker | None): Weighs each name by itself.
    second (dict[str, Ranker] | None): Weighs it with what the document, or document and corpus,
        say besides; by scope.
    style (Style | None): How ids are written.
    """

    def __init__(
        self,
        knowledge: Knowledge,
        first: Ranker | None = None,
        second: dict[str, Ranker] | None = None,
        style: Style | None = None,
    ) -> None:
        self.knowledge = knowledge
        self.first, self.second = first or default_ranker(), second or {}
        self.style = style or Style()
        self._cache: dict[Name, Candidates] = {}
        self._cached: Index | None = None

    def to_dict(self) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): What was learnt besides the knowledge base, for JSON."""
        weights = {"first": self.first.weights, **{s: r.weights for s, r in self.second.items()}}
        return {
            "features": [*FEATURES, *CONTEXT],
            "weights": {name: w.tolist() for name, w in weights.items()},
            "style": self.style.to_dict(),
        }

    @classmethod
    def from_dict(cls, knowledge: Knowledge, data: dict[str, Any]) -> "Linker":
        """Restore a linker.

        knowledge (Knowledge): Its knowledge base.
        data (dict[str, Any]): What `to_dict` gave.
        RETURNS (Linker): The linker.
        RAISES (ValueError): It was saved by a version with other features.
        """
        if data["features"] != [*FEATURES, *CONTEXT]:
            raise ValueError("the ranker has other features than this version")
        weights = {name: Ranker(w) for name, w in data["weights"].items()}
        return cls(knowledge, weights.pop("first"), weights, Style(**data["style"]))

    def link(self, documents: Sequence[Sequence[Name]], scope: str = "document") -> list[list[Link]]:
        """Link the names of documents.

        documents (Sequence[Sequence[Name]]): The names of each document, in the order of the text.
        scope (str): "document": each document by itself, so that the result does not depend on which
            others come with it. "corpus": all of them together.
        RETURNS (list[list[Link]]): A link for each name.
        """
        seen = [self._read(names) for names in documents]
        corpus = _corpus_counts(seen) if scope == "corpus" else None
        links: list[dict[Name, Link]] = []
        new: list[tuple[int, Name, int]] = []
        for number, document in enumerate(seen):
            links.append({})
            for i, name in enumerate(document.names):
                ids, p = self._choose(document, i, scope, corpus)
                best = int(p.argmax())
                if best < len(ids):
                    id = self.knowledge.index.ids[ids[best]]
                    links[number][name] = Link(id, float(p[best]), True)
                else:
                    links[number][name] = Link("", float(p[best]), False)
                    if not name.empty:
                        new.append((number, name, document.counts[i]))
        made = new_ids(new, self.style, across=scope == "corpus")
        for (number, name, _), id in zip(new, made, strict=True):
            links[number][name].id = id
        return [[links[i][name] for name in names] for i, names in enumerate(documents)]

    def _read(self, names: Sequence[Name]) -> _Document:
        """Look at each different name of a document by itself."""
        counts = Counter(names)
        different = list(counts)
        found = [self._find(name) for name in different]
        first = [self.first.probabilities(c.features) for c in found]
        longer = [[j for j, other in enumerate(different) if is_longer(other, name)] for name in different]
        return _Document(different, list(counts.values()), found, first, longer)

    def _find(self, name: Name) -> Candidates:
        index = self.knowledge.index
        if self._cached is not index or len(self._cache) >= CACHE:
            self._cached, self._cache = index, {}
        if name not in self._cache:
            self._cache[name] = find(index, name)
        return self._cache[name]

    def _choose(self, document: _Document, i: int, scope: str, corpus) -> tuple[list[int], NDArray]:
        """RETURNS (tuple[list[int], NDArray]): Candidates, and probabilities with none of them last."""
        ids, features = with_context(document, i, corpus)
        ranker = self.second.get(scope)
        if ranker is None:
            features, ranker = features[:, : len(FEATURES)], self.first
        return ids, ranker.probabilities(features)


def default_ranker() -> Ranker:
    """RETURNS (Ranker): For a knowledge base without training data: exact names, then spelling."""
    weights = dict.fromkeys(FEATURES, 0.0)
    weights |= {
        "name and type: share": 4.0, "name: share": 2.0, "base form and type: share": 4.0,
        "base form: share": 2.0, "sound and type: share": 3.0, "spelling": 4.0, "own type": 1.0,
        "count": 0.1, "none": 6.5,
    }  # fmt: skip
    return Ranker(numpy.array([weights[name] for name in FEATURES]))


def with_context(document: _Document, i: int, corpus: dict | None) -> tuple[list[int], NDArray]:
    """Add what the document's other names and the corpus say about the candidates of a name.

    document (_Document): The document.
    i (int): The name.
    corpus (dict | None): By candidate and base form, in how many documents it was the sure choice.
    RETURNS (tuple[list[int], NDArray]): The candidates, with those of longer names, and the features
        (candidates + 1, features + context).
    """
    found, longer = document.found[i], document.longer[i]
    more = {
        document.found[j].ids[best]
        for j in longer
        if (best := int(document.first[j].argmax())) < len(document.found[j].ids)
    } - set(found.ids)
    ids = found.ids + sorted(more)
    width = len(FEATURES)
    X = numpy.zeros((len(ids) + 1, width + len(CONTEXT)), dtype=numpy.float32)
    X[: len(found.ids), :width] = found.features[:-1]
    X[-1, :width] = found.features[-1]
    sure = {j: dict(zip(document.found[j].ids, document.first[j].tolist(), strict=False)) for j in longer}
    for row, id in enumerate(ids):
        X[row, width] = _elsewhere(document, i, id)
        if longer:
            X[row, width + 1] = max(sure[j].get(id, 0.0) for j in longer)
            X[row, width + 2] = 1.0 - X[row, width + 1]
        if corpus is not None:
            mine = document.names[i].sounds
            X[row, width + 3] = numpy.log1p(sum(n for s, n in corpus.get(id, {}).items() if s != mine))
    if longer:
        X[-1, width + 4] = 1.0
        X[-1, width + 5] = max(float(document.first[j][-1]) for j in longer)
    return ids, X


def _elsewhere(document: _Document, i: int, id: int) -> float:
    """How sure it is that another name of the document stands for an id."""
    best = 0.0
    for j, found in enumerate(document.found):
        if j != i and id in found.ids:
            best = max(best, float(document.first[j][found.ids.index(id)]))
    return best


def _corpus_counts(documents: Iterable[_Document]) -> dict[int, Counter[tuple[str, ...]]]:
    """In how many documents each id is the sure choice of a name, by what the name sounds like."""
    counts: dict[int, Counter[tuple[str, ...]]] = {}
    for document in documents:
        for name, found, p in zip(document.names, document.found, document.first, strict=True):
            best = int(p.argmax())
            if best < len(found.ids) and p[best] > SURE:
                counts.setdefault(found.ids[best], Counter())[name.sounds] += 1
    return counts


def train(
    documents: Sequence[Sequence[tuple[Name, str]]],
    groups: Sequence[str],
    extra: Knowledge | None = None,
    decay: float = 10.0,
) -> Linker:
    """Make a knowledge base of annotated documents, and fit the rankers to documents it has not seen.

    Each group of documents is linked with a knowledge base of the others, so that the rankers learn
    from names that are new as often as names are in a new text.

    documents (Sequence[Sequence[tuple[Name, str]]]): The names of each document and their ids.
    groups (Sequence[str]): The group of each document, such as its topic; at most eight are held out
        in turn, more are put together. If there is only one, each document is a group.
    extra (Knowledge | None): More names, such as a user's own.
    decay (float): Decay of the rankers' weights.
    RETURNS (Linker): The trained linker.
    """
    whole = knowledge_of(documents)
    parts = []
    folds = _folds(groups if len(set(groups)) > 1 else [f"{i:06}" for i in range(len(documents))])
    for fold in tqdm(sorted(set(folds)), desc="linker", unit="fold"):
        own = [document for document, f in zip(documents, folds, strict=True) if f == fold]
        others = whole - knowledge_of(own)
        index = Index.of(others + (extra.index.counts() if extra is not None else Counter()))
        linker = Linker(Knowledge(index))
        seen = [linker._read([name for name, _ in document]) for document in own]
        gold = [dict(document) for document in own]
        parts.append((index, seen, gold))
    first = _fit(((d.found[i].ids, d.found[i].features, d.counts[i], gold[name], index)
                  for index, seen, golds in parts
                  for d, gold in zip(seen, golds, strict=True)
                  for i, name in enumerate(d.names)), decay)  # fmt: skip
    first = first or default_ranker()
    for _, seen, _ in parts:
        for document in seen:
            document.first = [first.probabilities(found.features) for found in document.found]
    second = {}
    for scope in SCOPES:
        rows = []
        for index, seen, golds in parts:
            corpus = _corpus_counts(seen) if scope == "corpus" else None
            for d, gold in zip(seen, golds, strict=True):
                for i, name in enumerate(d.names):
                    rows.append((*with_context(d, i, corpus), d.counts[i], gold[name], index))
        if ranker := _fit(rows, decay):
            second[scope] = ranker
    counts = whole + (extra.index.counts() if extra is not None else Counter())
    return Linker(Knowledge(Index.of(counts)), first, second, Style.of(whole))


def _folds(groups: Sequence[str]) -> list[int]:
    """Number the groups, putting some together where there are many."""
    fold_of = {group: i % FOLDS for i, group in enumerate(sorted(set(groups)))}
    return [fold_of[group] for group in groups]


def knowledge_of(documents: Iterable[Iterable[tuple[Name, str]]]) -> Counter[RowT]:
    """documents: Names and ids by document. RETURNS (Counter[RowT]): Rows of a knowledge base."""
    return Counter(
        (id, name.form, name.base, name.language or "", name.type)
        for document in documents
        for name, id in document
        if not name.empty
    )


def _fit(rows, decay: float) -> Ranker | None:
    """RETURNS (Ranker | None): The fitted ranker; None where no name has a candidate to choose."""
    choices, right, weights = [], [], []
    for ids, features, count, gold, index in rows:
        if not ids:
            continue
        number = id_number(index, gold)
        choices.append(features)
        right.append(ids.index(number) if number in ids else len(ids))
        weights.append(count)
    return Ranker.fit(choices, right, weights, decay) if choices else None


def id_number(index: Index, id: str) -> int:
    """RETURNS (int): The number of an id in an index, or -1."""
    low, high = 0, len(index.ids)
    while low < high:
        middle = (low + high) // 2
        if index.ids[middle] < id:
            low = middle + 1
        else:
            high = middle
    return low if low < len(index.ids) and index.ids[low] == id else -1
