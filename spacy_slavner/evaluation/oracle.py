"""Base forms and links of annotated ("oracle") names: how good they are where every name was found.

End to end, a name that was missed costs its base form and its link too. Here the reference's names are given,
so that both are measured alone, beside the baselines copy and look-up. A base form is right if it is the
annotated one in small letters, as in the official evaluator; a link if its id is the annotated one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..attributes import set_attributes
from .bsnlp import LINKING, NO_ID, Document, Mention, score

if TYPE_CHECKING:
    from spacy.tokens import Doc, Span

BASE_FORMS, LINKS = PARTS = ("base_forms", "links")
KINDS = ("changed", "unchanged", "several words", "new form")

# The reference, and a copy of it with the same names (`with_gold_names`) after prediction.
PairsT = Sequence[tuple["Doc", "Doc"]]
# The base form that a language's form most often had in training; None if it was not seen.
BaseLookUpT = Callable[[str | None, str], str | None]
# The id that a form most often had in training; None if it was not seen.
IdLookUpT = Callable[[str], str | None]


def with_gold_names(doc: Doc) -> Doc:
    """Copy a document with its names, but nothing about their base forms and ids.

    doc (Doc): The reference.
    RETURNS (Doc): Its words, names and language, and where it comes from.
    """
    from spacy.tokens import Doc, Span

    set_attributes()
    words, spaces = [token.text for token in doc], [bool(token.whitespace_) for token in doc]
    copy = Doc(doc.vocab, words=words, spaces=spaces)
    for name in ("language", "doc_id", "topic", "source"):
        copy._.set(name, doc._.get(name))
    copy.set_ents([Span(copy, ent.start, ent.end, label=ent.label_) for ent in doc.ents])
    return copy


def has_base_form(ent: Span) -> bool:
    """RETURNS (bool): Whether a name's base form is annotated."""
    return bool((ent._.base_form or "").strip())


def has_id(ent: Span) -> bool:
    """RETURNS (bool): Whether a name's entity is annotated."""
    return ent.kb_id_ not in ("", NO_ID)


def score_base_forms(pairs: PairsT, look_up: BaseLookUpT | None = None) -> dict[str, Any] | None:
    """Score the base forms of annotated names.

    pairs (Sequence[tuple[Doc, Doc]]): References, and copies whose names were given base forms.
    look_up (Callable[[str | None, str], str | None] | None): The baseline; what it does not know is
        copied, and counts as a new form.
    RETURNS (dict[str, Any] | None): "overall", "by_language", "by_type" and "by_kind" (of KINDS), each
        with "names" and the shares that are right: "accuracy", "cased" (capitals too), and of the
        baselines "copy" and "look_up". None if no name has a base form.
    """
    set_attributes()

    def rows() -> Iterator[tuple[list[Hashable], dict[str, bool]]]:
        for doc, ent, found in _names(pairs, has_base_form):
            form, gold, copied = ent.text, ent._.base_form, " ".join(ent.text.split())
            seen = look_up(doc._.language, form) if look_up else None
            hits = base_form_hits(found._.base_form or form, gold)
            hits["copy"] = base_form_hits(copied, gold)["accuracy"]
            if look_up:
                hits["look_up"] = base_form_hits(seen or copied, gold)["accuracy"]
            yield _groups(doc, ent, new=look_up is not None and seen is None), hits

    return _by_group(shares(rows()))


def score_links(pairs: PairsT, look_up: IdLookUpT | None = None) -> dict[str, Any] | None:
    """Score the ids of annotated names; names without an id are left out.

    pairs (Sequence[tuple[Doc, Doc]]): References, and copies whose names were given ids.
    look_up (Callable[[str], str | None] | None): The baseline; what it does not know gets an id of its
        own (`own_id`), and counts as a new form.
    RETURNS (dict[str, Any] | None): As `score_base_forms`, with "names", "accuracy" and "look_up" (shares
        of exact ids) in each group, and "lea", the F of the shared tasks' measures LINKING. None if no
        name has an id.
    """
    set_attributes()

    def rows() -> Iterator[tuple[list[Hashable], dict[str, bool]]]:
        for doc, ent, found in _names(pairs, has_id):
            hits, seen = {"accuracy": found.kb_id_ == ent.kb_id_}, None
            if look_up:
                seen = look_up(ent.text)
                hits["look_up"] = (seen or own_id(ent.label_, ent.text)) == ent.kb_id_
            yield _groups(doc, ent, new=look_up is not None and seen is None), hits

    groups = _by_group(shares(rows()))
    return groups and groups | {"lea": lea(*_documents(pairs))}


# What the benchmarks count too.


def kinds_of(form: str, base: str, new: bool) -> Iterator[str]:
    """Say of which KINDS a name is.

    form (str): The name as it stands in the text.
    base (str): Its annotated base form.
    new (bool): Whether the look-up does not know it.
    YIELDS (str): The kinds.
    """
    yield "changed" if base.lower() != form.lower() else "unchanged"
    if len(form.split()) > 1:
        yield "several words"
    if new:
        yield "new form"


def base_form_hits(found: str, gold: str) -> dict[str, bool]:
    """RETURNS (dict[str, bool]): Whether a base form is right: "accuracy" in small letters, "cased"."""
    found, gold = found.strip(), gold.strip()
    return {"accuracy": found.lower() == gold.lower(), "cased": found == gold}


def shares(rows: Iterable[tuple[Iterable[Hashable], Mapping[str, bool]]]) -> dict[Any, dict[str, Any]]:
    """Count what is right, by groups.

    rows (Iterable[tuple[Iterable, Mapping[str, bool]]]): For each name its groups, and what is right.
    RETURNS (dict[Any, dict]): {group: {"names": their number, and the share of each thing}}.
    """
    names: Counter[Hashable] = Counter()
    right: dict[Hashable, Counter[str]] = defaultdict(Counter)
    for groups, hits in rows:
        for group in groups:
            names[group] += 1
            right[group].update(hits)
    return {
        group: {"names": n, **{what: count / n for what, count in right[group].items()}}
        for group, n in names.items()
    }


def most_frequent(rows: Iterable[tuple[Hashable, str, int]]) -> dict[Any, str]:
    """Find what a key most often goes with.

    rows (Iterable[tuple[Hashable, str, int]]): Keys, values and how often they were seen together.
    RETURNS (dict[Any, str]): The value of each key, the first in the alphabet of equals.
    """
    counts: dict[Hashable, Counter[str]] = defaultdict(Counter)
    for key, value, count in rows:
        counts[key][value] += count
    return {key: min(seen, key=lambda value: (-seen[value], value)) for key, seen in counts.items()}


def own_id(type_: str, form: str) -> str:
    """The id that look-up gives to a form it does not know; "-1" would make all of them one entity.

    type_ (str): The name's type.
    form (str): The name.
    RETURNS (str): The id.
    """
    return f"{type_}-{form.lower()}"


def lea(gold: Iterable[Document], system: Iterable[Document]) -> dict[str, float]:
    """RETURNS (dict[str, float]): The F of each measure of LINKING."""
    overall = score(gold, system).split()[()]
    return {metric: overall[metric]["f"] for metric in LINKING}


# Names of pairs of documents.


def _names(pairs: PairsT, wanted: Callable[[Span], bool]) -> Iterator[tuple[Doc, Span, Span]]:
    for reference, doc in pairs:
        for ent, found in zip(reference.ents, doc.ents, strict=True):
            if wanted(ent):
                yield reference, ent, found


def _groups(doc: Doc, ent: Span, new: bool) -> list[Hashable]:
    groups = [("overall", "")]
    if doc._.language:
        groups.append(("by_language", doc._.language))
    groups.append(("by_type", ent.label_))
    # Without a base form it cannot be told whether a name is changed.
    if has_base_form(ent):
        groups += [("by_kind", kind) for kind in kinds_of(ent.text, ent._.base_form.strip(), new)]
    return groups


def _by_group(counts: dict[Any, dict[str, Any]]) -> dict[str, Any] | None:
    if not counts:
        return None
    groups = {
        dimension: {name: row for (own, name), row in sorted(counts.items()) if own == dimension}
        for dimension in ("by_language", "by_type")
    }
    kinds = {kind: counts["by_kind", kind] for kind in KINDS if ("by_kind", kind) in counts}
    return {"overall": counts["overall", ""], **groups, "by_kind": kinds}


def _documents(pairs: PairsT) -> tuple[list[Document], list[Document]]:
    """The names with annotated ids as the shared tasks' records, as annotated and as predicted."""
    gold, system = [], []
    for index, (reference, doc) in enumerate(pairs):
        context = reference._
        key = (context.topic or "", context.language or "", context.doc_id or f"#{index}")
        names = list(_names([(reference, doc)], has_id))
        gold.append(Document(*key, [_mention(ent, ent.kb_id_) for _, ent, _ in names]))
        system.append(Document(*key, [_mention(ent, found.kb_id_) for _, ent, found in names]))
    return gold, system


def _mention(ent: Span, id: str) -> Mention:
    # Base forms do not count in linking.
    return Mention(ent.text, ent.text, ent.label_, id or NO_ID)
