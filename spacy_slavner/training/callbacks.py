"""Callbacks that a config can name."""

from collections.abc import Callable

from spacy.language import Language

# The largest character offset that a Doc can hold.
LONGEST_TEXT = 2**31 - 1


def create_lift_max_length() -> Callable[[Language], Language]:
    """Lift spaCy's limit of a million characters, which guards parsers that are not in use here.

    For `[nlp] after_creation`, so that a loaded pipeline has it as well as a new one.

    RETURNS (Callable[[Language], Language]): The callback.
    """

    def lift_max_length(nlp: Language) -> Language:
        nlp.max_length = LONGEST_TEXT
        return nlp

    return lift_max_length
