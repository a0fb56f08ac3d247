"""Ids for names that the knowledge base lacks: the same thing gets the same id everywhere.

Names that may be one are put into one cluster: a shorter name joins the longer one of its document
(Johnson, Boris Johnson; ZN, Zjednoczone Narody), names of one type that sound alike join across
documents and languages, and what is left of the shorter names joins the most frequent longer one of the
corpus. The id is the type and the cluster's spelling, which the languages vote for.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from ..crosslingual.romanization import romanize
from .candidates import Name
from .index import similarity
from .keys import fold, roman
from .knowledge import ANY, RowT

# The least similarity of two words that sound alike; how much sounding alike counts; the least mean
# similarity of the words of two names that are one.
SPELT = 0.5
SOUND = 0.8
ALIKE = 0.72
# Languages agree on a spelling; that one of them mentions the name more often says little.
DAMPING = 0.25
MARKS, ROMANISED = "^", "*"
PERSON = "PER"
NOTHING = "NIL"


class Style:
    """How ids are written: learnt from the ids of the knowledge base.

    votes (dict[str, float]): By language, how often a base form is spelt as in the id; a language's
        names with marks, and those in another script than Latin, have keys of their own.
    marks (dict[str, float]): By language, how often ids keep the marks of Latin letters.
    prefixes (dict[str, str]): By type, what ids most often begin with.
    words (dict[str, dict[str, str]]): By type, words of base forms whose ids begin with something else.
    """

    def __init__(
        self,
        votes: dict[str, float] | None = None,
        prefixes: dict[str, str] | None = None,
        words: dict[str, dict[str, str]] | None = None,
        marks: dict[str, float] | None = None,
    ) -> None:
        self.votes, self.prefixes, self.words = votes or {}, prefixes or {}, words or {}
        self.marks = marks or {}

    @classmethod
    def of(cls, counts: Counter[RowT]) -> "Style":
        """Learn how ids are written.

        counts (Counter[RowT]): The rows of a knowledge base.
        RETURNS (Style): What was learnt.
        """
        same, all_, first = Counter(), Counter(), defaultdict(Counter)
        marked, kept = Counter(), Counter()
        by_word: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
        for id, _, base, language, type_ in counts:
            prefix, dash, name = id.partition("-")
            if not dash or not type_:
                continue
            # Only names of as many words can be the id's own.
            if len(fold(base).split()) == len(fold(name).split()):
                key = _voter(base, language)
                same[key] += roman(base, language or None) == roman(name)
                all_[key] += 1
                if key.endswith(MARKS) and roman(base) == roman(name):
                    marked[language] += 1
                    kept[language] += not name.isascii()
            first[type_][prefix] += 1
            for word in roman(base, language or None).split():
                by_word[type_, word].add((id, prefix))
        votes = {key: (same[key] + 0.5) / (n + 1) for key, n in all_.items()}
        prefixes = {type_: prefix.most_common(1)[0][0] for type_, prefix in first.items()}
        words: dict[str, dict[str, str]] = defaultdict(dict)
        for (type_, word), ids in sorted(by_word.items()):
            prefix, n = Counter(prefix for _, prefix in sorted(ids)).most_common(1)[0]
            if prefix != prefixes[type_] and n >= 3 and n / len(ids) > 0.7:
                words[type_][word] = prefix
        marks = {language: kept[language] / n for language, n in marked.items()}
        return cls(votes, prefixes, dict(words), marks)

    def to_dict(self) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): What was learnt, to be saved."""
        return {"votes": self.votes, "prefixes": self.prefixes, "words": self.words, "marks": self.marks}

    def id(self, names: Iterable[tuple[Name, int]]) -> str:
        """Make an id for a cluster.

        names (Iterable[tuple[Name, int]]): Its names and how often each was seen.
        RETURNS (str): For instance "PER-Boris-Johnson".
        """
        counts: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
        types: Counter[str] = Counter()
        for name, count in names:
            counts[_voter(name.base, name.language or ANY)][name.roman, self.latin(name)] += count
            types[name.type] += count
        votes, spellings = Counter(), defaultdict(Counter)
        for voter, own in counts.items():
            total = sum(own.values())
            for (key, spelling), count in own.items():
                vote = self._vote(voter) * count / total * total**DAMPING
                votes[key] += vote
                spellings[key][spelling] += vote
        # A person is called by first name and surname where there are both.
        person = PERSON in types
        best = min(votes, key=lambda key: (-_whole(key) * person, -votes[key], key))
        spelling = min(spellings[best], key=lambda s: (-spellings[best][s], s))
        type_ = min(types, key=lambda t: (-types[t], t))
        return f"{self.prefix(type_, best)}-{written(spelling)}"

    def _vote(self, voter: str) -> float:
        return self.votes.get(voter, 0.1 if voter.endswith(ROMANISED) else 0.5)

    def latin(self, name: Name) -> str:
        """RETURNS (str): A base form in Latin letters, with its own marks if ids have them."""
        keeps = _is_latin(name.base) and self.marks.get(name.language or ANY, 1.0) >= 0.5
        return name.base if keeps else romanize(name.base, name.language)

    def prefix(self, type_: str, key: str) -> str:
        """RETURNS (str): What the id of a name begins with."""
        words = self.words.get(type_, {})
        special = [words[word] for word in key.split() if word in words]
        return special[0] if special else self.prefixes.get(type_, type_)


def _whole(key: str) -> int:
    """How many words of a name are written out, up to two."""
    return min(sum(len(word) > 1 for word in key.split()), 2)


def _is_latin(text: str) -> bool:
    return all(c < "\u0250" for c in text if c.isalpha())


def _voter(base: str, language: str) -> str:
    """Who votes for a spelling: a language, apart where it is romanised and where it has marks."""
    return language + ("" if base.isascii() else MARKS if _is_latin(base) else ROMANISED)


def written(spelling: str) -> str:
    """RETURNS (str): A spelling as it stands in an id: without quotes and dashes, hyphens for blanks."""
    words = (word.strip("\"'«»„“”‚‘’`()[],;:!?-–—") for word in spelling.split())
    return "-".join(word[:1].upper() + word[1:] for word in words if word)


def is_longer(long: Name, short: Name) -> bool:
    """Whether one name may be a longer form of another.

    long (Name): The longer name.
    short (Name): The shorter name.
    RETURNS (bool): Whether all words of the shorter one sound like words of the longer one, or the
        shorter is made of the longer one's initials.
    """
    if long.type != short.type or len(long.sounds) <= len(short.sounds):
        return False
    if len(short.sounds) == 1 and short.form.isupper() and len(short.form) > 1:
        if fold(short.form) == long.initials:
            return True
    if not all(any(_inflected(a, b) for b in long.sounds) for a in short.sounds):
        return False
    # What sounds alike must be spelt alike, too.
    words = long.roman.split()
    return all(max(similarity(a, b) for b in words) >= SPELT for a in short.roman.split())


def is_same_longer(long: Name, short: Name) -> bool:
    """Whether a longer name most likely means the same: Boris Johnson, but not Gazprom Export."""
    whole = long.type == PERSON or fold(short.form) == long.initials
    return whole and is_longer(long, short)


def _inflected(a: str, b: str) -> bool:
    """Whether two words may be one with another ending."""
    short, long = sorted((a, b), key=len)
    return a == b or len(short) >= 2 and long.startswith(short) and len(long) - len(short) <= 1


class Clusters:
    """Disjoint sets of items.

    n (int): How many items there are.
    """

    def __init__(self, n: int) -> None:
        self.parent = list(range(n))

    def find(self, i: int) -> int:
        """RETURNS (int): The first item of an item's set."""
        while self.parent[i] != i:
            self.parent[i] = self.parent[self.parent[i]]
            i = self.parent[i]
        return i

    def join(self, i: int, j: int) -> None:
        """Join the sets of two items."""
        i, j = sorted((self.find(i), self.find(j)))
        self.parent[j] = i


def new_ids(items: Sequence[tuple[int, Name, int]], style: Style, across: bool) -> list[str]:
    """Give ids to new names.

    items (Sequence[tuple[int, Name, int]]): A document's number, a name in it, and how often it is there.
    style (Style): How ids are written.
    across (bool): Whether names of different documents are compared. Where they are not, two documents
        share an id only if it comes out the same.
    RETURNS (list[str]): An id for each item.
    """
    clusters = Clusters(len(items))
    documents: dict[int, list[int]] = defaultdict(list)
    for i, (document, *_) in enumerate(items):
        documents[document].append(i)
    lone: list[int] = []
    for members in documents.values():
        for i in members:
            longer = [j for j in members if is_same_longer(items[j][1], items[i][1])]
            same = [j for j in members if j < i and items[j][1].roman == items[i][1].roman
                    and items[j][1].type == items[i][1].type]  # fmt: skip
            if longer:
                clusters.join(i, max(longer, key=lambda j: (items[j][2], -j)))
            elif same:
                clusters.join(i, same[0])
            elif len(items[i][1].sounds) == 1:
                lone.append(i)
    if across:
        _join_across(items, clusters, lone)
    members_of: dict[int, list[int]] = defaultdict(list)
    for i in range(len(items)):
        members_of[clusters.find(i)].append(i)
    result = [""] * len(items)
    for members in members_of.values():
        id = style.id((items[i][1], items[i][2]) for i in members)
        for i in members:
            result[i] = id
    return result


def _join_across(items: Sequence[tuple[int, Name, int]], clusters: Clusters, lone: list[int]) -> None:
    """Join names of different documents."""
    alone = set(lone)
    heads: dict[tuple[str, str, str], int] = {}
    for i, (_, name, _) in enumerate(items):
        # A surname alone is no proof: it joins by its document or below.
        if name.type != PERSON or len(name.sounds) > 1 or i in alone:
            key = (name.type, name.roman, " ".join(name.sounds))
            clusters.join(heads.setdefault(key, i), i)
    blocks: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for i in heads.values():
        for block in _blocks(items[i][1]):
            blocks[block].append(i)
    for block in sorted(blocks):
        members = blocks[block]
        for k, i in enumerate(members):
            for j in members[:k]:
                if clusters.find(i) != clusters.find(j) and is_same(items[i][1], items[j][1]):
                    clusters.join(i, j)
    _join_surnames(items, clusters, lone)


def _blocks(name: Name) -> list[tuple[str, ...]]:
    """Keys of which two names that may be one share at least one."""
    keys = [(name.type, *name.sounds)]
    if len(name.sounds) > 1:
        first, last = name.sounds[0], name.sounds[-1]
        keys += [(name.type, "first", first, last[:2]), (name.type, "last", first[:1], last)]
    return keys


def is_same(a: Name, b: Name) -> bool:
    """Whether two names of one type are spellings of one name.

    a (Name): A name.
    b (Name): A name.
    RETURNS (bool): Whether they have as many words, and these are similar on average; what sounds the
        same is similar.
    """
    words = list(zip(a.roman.split(), b.roman.split(), a.sounds, b.sounds, strict=False))
    if len(a.sounds) != len(b.sounds) or not words:
        return False
    scores = [max(similarity(x, y), SOUND * (s == t)) for x, y, s, t in words]
    return min(scores) >= SPELT and sum(scores) / len(scores) >= ALIKE


def _join_surnames(items: Sequence[tuple[int, Name, int]], clusters: Clusters, lone: list[int]) -> None:
    """Join surnames that stand alone in their document with the most frequent person of the corpus."""
    alone: Counter[str] = Counter()
    for i in lone:
        alone[items[i][1].roman] += items[i][2]
    persons: dict[str, Counter[int]] = defaultdict(Counter)
    called: dict[int, Name] = {}
    for i, (_, name, count) in enumerate(items):
        if name.type == PERSON and len(name.sounds) > 1:
            persons[name.sounds[-1]][clusters.find(i)] += count
            called.setdefault(clusters.find(i), name)
    for i in lone:
        name = items[i][1]
        owners = {
            owner: count
            for owner, count in persons.get(name.sounds[-1], {}).items()
            if name.type == PERSON and name.form[:1].isupper() and is_longer(called[owner], name)
        }
        # Who is mostly called by one name needs no other: Muhammad.
        if sum(owners.values()) < alone[name.roman]:
            continue
        if owners:
            clusters.join(i, min(owners, key=lambda owner: (-owners[owner], owner)))
