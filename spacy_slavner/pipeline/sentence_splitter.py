"""The component `sentence_splitter`: sentence starts by the rules of the document's language."""

from functools import cache, partial
from importlib.util import find_spec

import numpy
from spacy.attrs import IDX, SENT_START
from spacy.language import Language
from spacy.pipeline.pipe import Pipe
from spacy.tokens import Doc

from ..attributes import set_attributes
from ..corpora.sentences import GENERIC, SentenceStartsT, languages, rules_for
from ..errors import InputError

START, INSIDE = 1, -1
# Optional libraries with rules of their own.
LIBRARIES = ("razdel", "pysbd")


@Language.factory(
    "sentence_splitter",
    assigns=["token.is_sent_start", "doc.sents"],
    default_config={"rules": {}, "overwrite": False},
    default_score_weights={"sents_f": 0.0, "sents_p": None, "sents_r": None},
)
def make_sentence_splitter(
    nlp: Language, name: str, rules: dict[str, str], overwrite: bool
) -> "SentenceSplitter":
    """Make a sentence splitter.

    rules (dict[str, str]): By language, the rules to take instead of the language's own: another
        language ("bg"), "xx" for generic rules, "razdel", or "pysbd:" with a language of pysbd.
        The key "xx" stands for every language without rules and for documents of unknown language.
    overwrite (bool): Whether sentence boundaries that are there already are replaced.
    RETURNS (SentenceSplitter): The component.
    """
    return SentenceSplitter(name, rules=rules, overwrite=overwrite)


class SentenceSplitter(Pipe):
    """Sets `token.is_sent_start` by the rules that belong to `doc._.language`.

    A boundary never falls inside a token; blanks between sentences belong to the sentence before.
    """

    def __init__(
        self,
        name: str = "sentence_splitter",
        *,
        rules: dict[str, str] | None = None,
        overwrite: bool = False,
    ) -> None:
        set_attributes()
        self.name, self.overwrite = name, overwrite
        self.rules = dict(rules or {})
        for rule in self.rules.values():
            sentence_starts(rule)  # an unknown name is an error now, not at the first document

    def __call__(self, doc: Doc) -> Doc:
        """Set the sentence starts of a document.

        doc (Doc): The document; `doc._.language` picks the rules.
        RETURNS (Doc): The same document.
        """
        if not len(doc):
            return doc
        attributes = doc.to_array([IDX, SENT_START]).astype("int64")
        starts = self._rules_for(doc._.language)(doc.text)
        values = numpy.full(len(doc), INSIDE, dtype="int64")
        values[0] = START
        first = numpy.searchsorted(attributes[:, 0], starts)
        values[first[first < len(doc)]] = START
        if not self.overwrite:
            values = numpy.where(attributes[:, 1] == 0, values, attributes[:, 1])
        return doc.from_array([SENT_START], values.astype("uint64").reshape(-1, 1))

    def _rules_for(self, language: str | None) -> SentenceStartsT:
        if language in self.rules:
            return sentence_starts(self.rules[language])
        if language in languages():
            return rules_for(language)
        return sentence_starts(self.rules.get(GENERIC, GENERIC))


@cache
def sentence_starts(rules: str) -> SentenceStartsT:
    """Find a set of rules by its name.

    rules (str): A language ("bg"), "xx", "razdel", or "pysbd:" with a language code of pysbd.
    RETURNS (Callable[[str], list[int]]): From text to the offsets at which sentences start.
    RAISES (InputError): Where no rules bear the name, or their library is not installed.
    """
    library = rules.partition(":")[0]
    if library in LIBRARIES and find_spec(library) is None:
        remedy = 'Run pip install "spacy-slavner[sentences]"'
        what = f"The sentence rules {rules!r} need {library}, which is not installed"
        raise InputError(what, remedy=remedy)
    if rules == GENERIC or rules in languages():
        return rules_for(rules)
    if rules == "razdel":
        return _razdel
    if rules.startswith("pysbd:"):
        return _pysbd(rules.removeprefix("pysbd:"))
    known = ", ".join((*languages(), GENERIC, "razdel", "pysbd:LANGUAGE"))
    raise InputError(f"No sentence rules named {rules!r}", remedy=f"Known are {known}")


def _razdel(text: str) -> list[int]:
    from razdel import sentenize

    return [sentence.start for sentence in sentenize(text)][1:]


def _pysbd(language: str) -> SentenceStartsT:
    from pysbd import Segmenter
    from pysbd.languages import LANGUAGE_CODES

    if language not in LANGUAGE_CODES:
        known = ", ".join(sorted(LANGUAGE_CODES))
        raise InputError(f"pysbd has no language {language!r}", remedy=f"It has {known}")
    return partial(_pysbd_starts, Segmenter(language=language, clean=False, char_span=True))


def _pysbd_starts(segmenter, text: str) -> list[int]:
    return [span.start for span in segmenter.segment(text)][1:]
