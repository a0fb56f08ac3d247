"""What the occurrences of a name in one document tell about each other.

One sense per discourse, as Gale, Church & Yarowsky (1992) found for words: a story calls the same thing by
the same name again and again, and a tagger that reads one sentence at a time is sure of only some of them.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from spacy.tokens import Doc

from ..characters import is_blank
from .names import Entity

KeyT = tuple[str, ...]
# What an occurrence that was not taken for a name at all says against its being one.
UNSEEN = 0.5


def agree(doc: Doc, entities: list[Entity]) -> list[Entity]:
    """Let the names of a document agree: on how far a person's name goes, then on types.

    doc (Doc): The document.
    entities (list[Entity]): Its names, in order.
    RETURNS (list[Entity]): The names, in order.
    """
    return agree_on_types(doc, complete_people(doc, entities))


def agree_on_types(doc: Doc, entities: list[Entity]) -> list[Entity]:
    """Give all occurrences of a name the type that most of their probability speaks for.

    Occurrences are the same name if their words have the same stems, see `stem`. The last word of a
    person's longer name speaks for that word alone as well: "Asia Bibi" for "Bibi".

    doc (Doc): The document.
    entities (list[Entity]): Its names; without probabilities every occurrence has one vote.
    RETURNS (list[Entity]): The names with one type each. A changed one has the probability with which it
        was found, times the share of the votes for its new type.
    """
    keys = [_key(doc, entity) for entity in entities]
    votes: dict[KeyT, Counter[str]] = {}
    for key, entity in zip(keys, entities, strict=True):
        votes.setdefault(key, Counter())[entity.label] += _weight(entity)
        if entity.label == "PER" and len(key) > 1:
            votes.setdefault(key[-1:], Counter())[entity.label] += _weight(entity)
    return [_elected(entity, votes[key]) for key, entity in zip(keys, entities, strict=True)]


def complete_people(doc: Doc, entities: list[Entity]) -> list[Entity]:
    """Take a person's name of several words as a whole wherever these words stand in the document.

    Where "Asia" was taken for a place, or only "Bibi" for a name, both become one name if the probability
    of "Asia Bibi", over all places where it was found, is above that of what was found instead. Names that
    go beyond the words are left alone.

    doc (Doc): The document.
    entities (list[Entity]): Its names, in order.
    RETURNS (list[Entity]): The names, in order. A new one has the share of the probability for it.
    """
    people: Counter[KeyT] = Counter()
    for entity in entities:
        if entity.label == "PER" and entity.end - entity.start > 1:
            people[_key(doc, entity)] += _weight(entity)
    if not people:
        return entities
    owners = {i: entity for entity in entities for i in range(entity.start, entity.end)}
    places = _places(doc, people)
    for key in sorted(people, key=lambda key: (-len(key), key)):
        partial = list(_partial(owners, places[key]))
        against = sum(max(map(_weight, inside), default=UNSEEN) for *_, inside in partial)
        if people[key] <= against:
            continue
        share = None if entities[0].confidence is None else people[key] / (people[key] + against)
        for start, end, _ in partial:
            owners |= dict.fromkeys(range(start, end), Entity(start, end, "PER", share))
    return sorted(set(owners.values()), key=lambda entity: entity.start)


def _places(doc: Doc, keys: Iterable[KeyT]) -> dict[KeyT, list[tuple[int, int]]]:
    """Where the stems of names stand in a document: first token and token after the last, ascending."""
    words = [token for token in doc if not is_blank(token.text)]
    stems = [stem(word.text) for word in words]
    by_first: dict[str, list[KeyT]] = {}
    for key in keys:
        by_first.setdefault(key[0], []).append(key)
    places: dict[KeyT, list[tuple[int, int]]] = {key: [] for key in keys}
    for at, first in enumerate(stems):
        for key in by_first.get(first, ()):
            if tuple(stems[at : at + len(key)]) == key:
                places[key].append((words[at].i, words[at + len(key) - 1].i + 1))
    return places


def _partial(
    owners: dict[int, Entity], places: list[tuple[int, int]]
) -> Iterator[tuple[int, int, set[Entity]]]:
    """The places where words are no whole name and within none, and the names inside of them."""
    free = 0
    for start, end in places:
        inside = {owners[i] for i in range(start, end) if i in owners}
        whole = any(e.start <= start and e.end >= end for e in inside)
        beyond = any(e.start < start or e.end > end for e in inside)
        if start >= free and not whole and not beyond:
            yield start, end, inside
            free = end


def stem(word: str) -> str:
    """Give a word in lower case without its last letter, where these languages inflect.

    word (str): The word.
    RETURNS (str): At least three letters, if it has them.
    """
    return word.lower()[: max(3, len(word) - 1)]


def _key(doc: Doc, entity: Entity) -> KeyT:
    return tuple(stem(token.text) for token in doc[entity.start : entity.end] if not is_blank(token.text))


def _weight(entity: Entity) -> float:
    return 1.0 if entity.confidence is None else entity.confidence


def _elected(entity: Entity, votes: Counter[str]) -> Entity:
    # Where two have as much, the occurrence keeps its own type if it is one of them.
    label = max(votes, key=lambda one: (votes[one], one == entity.label, one))
    if label == entity.label:
        return entity
    share = votes[label] / votes.total()
    return entity._replace(label=label, confidence=entity.confidence and entity.confidence * share)
