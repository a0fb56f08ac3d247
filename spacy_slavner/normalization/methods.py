"""The interface of the methods, and the two that need no model: copying and memory."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Protocol

import srsly

from .names import Text

# For every text, for every name: its base form, or None where the method does not know.
BasesT = list[list[str | None]]
# A training text with the base form of each name; None where it is not annotated.
LessonT = tuple[Text, Sequence[str | None]]


class Method(Protocol):
    """Gives names their base forms. What it does not know it leaves to the next method."""

    def predict(self, texts: Sequence[Text]) -> BasesT:
        """RETURNS (list[list[str | None]]): The base form of each name of each text, or None."""
        ...


def copy(texts: Sequence[Text]) -> BasesT:
    """Give every name its own form, white space in it made plain."""
    return [[" ".join(name.form.split()) for name in text.names] for text in texts]


def chain(methods: Iterable[Method], texts: Sequence[Text]) -> BasesT:
    """Ask methods in turn, each for what those before it do not know, and copy what is left.

    methods (Iterable[Method]): The methods.
    texts (Sequence[Text]): The texts.
    RETURNS (list[list[str | None]]): The base form of each name; none is missing.
    """
    result: BasesT = [[None] * len(text.names) for text in texts]
    for method in (*methods, None):
        if all(base is not None for bases in result for base in bases):
            break
        found = copy(texts) if method is None else method.predict(texts)
        for bases, more in zip(result, found, strict=True):
            bases[:] = [new if old is None else old for old, new in zip(bases, more, strict=True)]
    return result


class Memory:
    """The most frequent base form in training of a form in a language: exactly, then in small letters.

    certainty (float): Share of the most frequent base form that is needed; below it the method says
        that it does not know. 0 takes the most frequent one in any case.
    """

    def __init__(self, certainty: float = 0.0) -> None:
        self.certainty = certainty
        self._bases: dict[str, dict[str, tuple[str, float]]] = {}

    def learn(self, lessons: Iterable[LessonT], seed: int = 0) -> None:
        """Count base forms.

        lessons (Iterable[LessonT]): Texts with the base forms of their names.
        seed (int): Not used.
        """
        counts: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
        for text, bases in lessons:
            for name, base in zip(text.names, bases, strict=True):
                if base is not None:
                    for key in {name.form, _folded(name.form)}:
                        counts[text.language or ""][key][base] += 1
        self._bases = {
            language: {form: _best(bases) for form, bases in forms.items()}
            for language, forms in counts.items()
        }

    def add(self, language: str | None, form: str, base: str) -> None:
        """Add a base form, or replace what was known; it counts as certain.

        language (str | None): The language; None for documents whose language is not known.
        form (str): The name as it stands in texts, in capital or small letters.
        base (str): Its base form.
        """
        forms = self._bases.setdefault(language or "", {})
        forms[form] = forms[_folded(form)] = (base, 1.0)

    def predict(self, texts: Sequence[Text]) -> BasesT:
        """Look names up.

        texts (Sequence[Text]): The texts.
        RETURNS (list[list[str | None]]): The base form of each name that was seen, else None.
        """
        return [[self.get(text.language, name.form) for name in text.names] for text in texts]

    def get(self, language: str | None, form: str) -> str | None:
        """RETURNS (str | None): The base form of a form in a language, if it is known surely enough."""
        forms = self._bases.get(language or "", {})
        base, share = forms.get(form) or forms.get(_folded(form)) or (None, 0.0)
        return base if share >= self.certainty else None

    def __len__(self) -> int:
        return sum(map(len, self._bases.values()))

    def to_bytes(self) -> bytes:
        """RETURNS (bytes): The memory as msgpack."""
        return srsly.msgpack_dumps(self._bases)

    def from_bytes(self, data: bytes) -> "Memory":
        """Take over a saved memory.

        data (bytes): What `to_bytes` gave.
        RETURNS (Memory): Itself.
        """
        # As it is: to make pairs of its lists would take longer than to read it.
        self._bases = srsly.msgpack_loads(data)
        return self


def _folded(form: str) -> str:
    # Small letters with a mark that no form has, so that both kinds of keys fit into one table.
    return "\0" + " ".join(form.lower().split())


def _best(bases: Counter[str]) -> tuple[str, float]:
    """The most frequent base form, the first in the alphabet of equals, and its share."""
    base, count = min(bases.items(), key=lambda item: (-item[1], item[0]))
    return base, count / bases.total()
