"""One tokenizer for all the languages: names must begin and end at token edges, text must not change.

The rules err on the side of splitting, since a name can span several tokens but never a part of one:

- Hyphens and dashes are tokens of their own: "BioNTech-Pfizer", "MOPS-ów", "COVID-19".
- An apostrophe stays inside a Cyrillic word ("п'ять", "В'ячеслав") and after one Latin letter ("O'Leary");
  a Latin ending is split off before its apostrophe ("YouTube" "’a").
- Initials keep their full stop and are tokens of their own ("А." "С." "Пушкин"); other full stops at the
  end of a word are split off, abbreviations' too.
- All kinds of quotation marks, brackets and symbols, also invisible ones, are tokens of their own; but a soft
  hyphen is a part of its word.
- A figure is split from the capitals before it ("EU" "27") but not from what follows ("5G", "2020.aastal");
  decimal points, decimal commas and times of day stay together.
- Where the space after a word is missing ("коронавирусаТой"), a capital after a Cyrillic small letter
  starts a new token. (Latin names are written like that on purpose: "BioNTech", "YouTube".)
- Web and mail addresses are one token each.
"""

import re
from collections.abc import Callable

from spacy.lang.char_classes import ALPHA, ALPHA_LOWER, ALPHA_UPPER
from spacy.language import Language
from spacy.tokenizer import Tokenizer

from ..characters import COMBINING, SOFT_HYPHEN

# What stands inside of words and is not \w.
MARKS = f"{SOFT_HYPHEN}{COMBINING}"
WORD = rf"\w{MARKS}"
APOSTROPHES = "'’ʼ`´"
CYRILLIC_LOWER = "а-яёіїєґѝѐ"
CYRILLIC_UPPER = "А-ЯЁІЇЄҐЍЀ"

# A mark is not \w but belongs to its letter; an underscore is \w but parts words ("NIJZ_pr").
_SYMBOL = rf"[^{WORD}\s]|_"
_DOTS = r"\.{3,}"
_PREFIX = re.compile(rf"^(?:{_DOTS}|{_SYMBOL})")
# A full stop leaves a word of two letters or more, a small letter, a figure, a symbol, and the Roman
# figures that names end in ("Sputnik V."); what stays is the full stop of an initial.
_FULL_STOP = rf"(?:(?<=[{WORD}][{WORD}])|(?<=[^{WORD}])|(?<=[{ALPHA_LOWER}\d_VIX]))\."
_SUFFIX = re.compile(rf"(?:{_DOTS}|{_FULL_STOP}|[^{WORD}\s.]|_)$")
_LATIN = rf"[a-zA-Z\u00c0-\u024f{MARKS}]"
_INFIX = re.compile(
    "|".join(
        [
            r"\.{2,}",
            # Points, commas and colons stay between figures, commas and colons nowhere else.
            r"(?<!\d)[,:]|[,:](?!\d)",
            # "конец.Начало" lacks a space, "Gazeta.ru" and "т.е." do not; an initial ends here.
            rf"(?:(?<=[{WORD}][{WORD}])|(?<=[{ALPHA_LOWER}\d]))\.(?=[{ALPHA_UPPER}])",
            rf"(?<=[{ALPHA}])\.(?=\d)|(?<=\d)\.(?=[{ALPHA}])",
            rf"(?<=[{ALPHA_UPPER}]\.)(?=[{ALPHA_UPPER}])",
            rf"(?:(?<=[{WORD}][{WORD}])|(?<=\d))\.(?=[^{WORD}])|(?<=[^{WORD}.])\.",
            rf"(?<={_LATIN}{_LATIN})(?=[{APOSTROPHES}])",
            rf"[{APOSTROPHES}](?=[^{WORD}])|(?<=[^{WORD}])[{APOSTROPHES}]",
            rf"[^{WORD}\s.,:{APOSTROPHES}]|_",
            rf"(?<=[{CYRILLIC_LOWER}a-z\d])(?=[{CYRILLIC_UPPER}](?![{CYRILLIC_UPPER}]))",
            rf"(?<=[{ALPHA_UPPER}][{ALPHA_UPPER}])(?=\d)|(?<=[{CYRILLIC_LOWER}])(?=\d)",
        ]
    )
)
# Only what says that it is an address: "Lenta.ru/TASS" is two names. A saved tokenizer keeps its
# patterns without flags and applies this one with `match`, hence the form.
_ADDRESS = re.compile(r"(?i:(?:https?://|ftp://|www\.)\S*[\w/#=&]|[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[a-z]{2,})$")


def create_slavic_tokenizer() -> Callable[[Language], Tokenizer]:
    """Make the tokenizer `spacy-slavner.Tokenizer.v1`.

    RETURNS (Callable[[Language], Tokenizer]): Makes the tokenizer for a pipeline; its rules are the
        same for every language and are saved with the pipeline.
    """

    def tokenizer_factory(nlp: Language) -> Tokenizer:
        return Tokenizer(
            nlp.vocab,
            rules={},
            prefix_search=_PREFIX.search,
            suffix_search=_SUFFIX.search,
            infix_finditer=_INFIX.finditer,
            url_match=_ADDRESS.match,
        )

    return tokenizer_factory
