"""Places that a dictionary has: nobody can tell from "Brně" alone that the city is called Brno."""

from collections.abc import Sequence
from functools import cache

from .lexicons import LEXICONS
from .methods import BasesT
from .names import Name, Text


class Dictionary:
    """One-word names of places whose form the library simplemma has under a lemma with a capital.

    Other names it leaves alone: a person's name may belong to a man or a woman, a people is called in the
    plural, and in names of several words the first ones agree with the last.
    """

    def predict(self, texts: Sequence[Text]) -> BasesT:
        """Look names up. A language's dictionary is read when it is first needed.

        texts (Sequence[Text]): The texts.
        RETURNS (list[list[str | None]]): The lemma of each place that the dictionary has, else None.
        """
        return [[_look_up(text.language, name) for name in text.names] for text in texts]


def _look_up(language: str | None, name: Name) -> str | None:
    form = name.form
    if name.label != "LOC" or len(name.pieces) != 1 or not form[0].isupper():
        return None
    if language not in LEXICONS["simplemma"]:
        return None
    found = _proper_names(language)
    base = found.get(form) or found.get(form.capitalize())
    return base.upper() if base and form.isupper() and len(form) > 1 else base


@cache
def _proper_names(language: str) -> dict[str, str]:
    """Lemmas with a capital, by their forms; the rest of a dictionary is let go."""
    from simplemma.strategies import DefaultDictionaryFactory

    # A cache of none: what is kept is kept here.
    whole = DefaultDictionaryFactory(cache_max_size=0).get_dictionary(language)
    return {form: lemma for form, lemma in whole.items() if lemma[:1].isupper()}
