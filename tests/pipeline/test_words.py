"""White space and invisible characters between words change nothing of what is found."""

import numpy
import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example
from thinc.api import Adam
from thinc.types import Ragged

from spacy_slavner.errors import InputError
from spacy_slavner.pipeline.agreement import complete_people
from spacy_slavner.pipeline.names import Entity, Gold
from spacy_slavner.pipeline.words import Words

from .configs import over_encoder

TEXT = "Anna Nováková bydlí v Praze ."
VOCAB = spacy.blank("xx").vocab
# Words stand at 1, 3, 4 of the first document and at 0 of the last.
DOCS = [
    Doc(VOCAB, words=["\n", "Anna", "\u200b", "Nová", "."]),
    Doc(VOCAB, words=[" "]),
    Doc(VOCAB, ["Brno"]),
]


def test_where_the_words_are():
    words = Words(DOCS)
    assert words.tokens.tolist() == [1, 3, 4, 6] and words.lengths == [3, 0, 1]
    starts, ends = words.spans(numpy.array([0, 3]), numpy.array([2, 4]))
    assert starts.tolist() == [1, 6] and ends.tolist() == [4, 7]


def test_rows_go_and_come_back():
    words = Words(DOCS)
    rows = [numpy.arange(2 * len(doc), dtype="f").reshape(-1, 2) + 1 for doc in DOCS]
    few = words.take(rows)
    assert [len(one) for one in few] == words.lengths
    assert few[0].tolist() == rows[0][[1, 3, 4]].tolist()
    back = words.put(few, rows)
    assert back[0].tolist() == [[0, 0], [3, 4], [0, 0], [7, 8], [9, 10]] and back[1].tolist() == [[0, 0]]


def test_rows_of_pieces_go_and_come_back():
    words = Words(DOCS)
    lengths = [[1, 2, 1, 2, 1], [1], [3]]
    rows = [Ragged(numpy.ones((sum(n), 2), dtype="f"), numpy.array(n, dtype="i")) for n in lengths]
    few = words.take(rows)
    assert [one.lengths.tolist() for one in few] == [[2, 2, 1], [], [3]]
    back = words.put(few, rows)
    assert back[0].dataXd[:, 0].tolist() == [0, 1, 1, 0, 1, 1, 1] and back[0].lengths.tolist() == lengths[0]


def test_documents_of_words_are_left_as_they_are():
    words, rows = Words(DOCS[2:]), [numpy.zeros((1, 2))]
    assert words.take(rows) is rows and words.put(rows, rows) is rows


def test_a_sentence_starts_with_its_first_word():
    flags = [[True, False, True, False, False], [True], [True]]
    starts = Words(DOCS).starts([numpy.array(some) for some in flags])
    assert [some.tolist() for some in starts] == [[True, True, False], [], [True]]


def test_what_is_learnt_about_words():
    spans = [(0, 1, "LOC"), (1, 4, "PER")]
    known = numpy.array([False, True, True, True, False])
    none = Gold([], numpy.zeros(1, dtype=bool), 0)
    found = Words(DOCS).golds([Gold(spans, known, 1), none, none])
    assert found[0].spans == [(0, 2, "PER")] and found[0].misaligned == 1
    assert found[0].known.tolist() == [True, True, False]


def test_people_are_whole_across_blanks():
    doc = Doc(VOCAB, words=["Asia", "Bibi", ",", "Asia", "\u00a0", "Bibi", "."])
    found = [Entity(0, 2, "PER", 0.9), Entity(3, 4, "LOC", 0.4), Entity(5, 6, "PER", 0.4)]
    assert [entity[:3] for entity in complete_people(doc, found)] == [(0, 2, "PER"), (3, 6, "PER")]


@pytest.fixture(scope="module")
def pipe():
    """A recogniser whose vectors of words know nothing of their neighbours."""
    tok2vec = {
        "@architectures": "spacy.MultiHashEmbed.v2",
        "width": 32,
        "attrs": ["NORM", "PREFIX"],
        "rows": [200, 200],
        "include_static_vectors": False,
    }
    model = {"@architectures": "spacy-slavner.CrfTagger.v1", "dropout": 0.0, "tok2vec": tok2vec}
    nlp = spacy.blank("xx")
    nlp.add_pipe("crf_ner", config={"model": model, "scorer": None})
    example = Example.from_dict(nlp.make_doc(TEXT), {"entities": [(0, 13, "PER"), (22, 27, "LOC")]})
    spacy.util.fix_random_seed(0)
    nlp.initialize(lambda: [example])
    for _ in range(30):
        nlp.update([example], sgd=Adam(0.01))
    return nlp.get_pipe("crf_ner")


@pytest.mark.parametrize("blank", ["\u00a0", "  ", "\t", "\u200b", "\ufeff", "\u202f"])
def test_blanks_between_words_change_nothing(pipe, blank):
    words = [blank, "Anna", blank, "Nováková", "bydlí", "v", blank, "Praze", ".", blank]
    found = [
        [(ent.label_, ent[0].text, ent[-1].text, round(ent._.confidence, 5)) for ent in pipe(doc).ents]
        for doc in (Doc(pipe.vocab, words=TEXT.split()), Doc(pipe.vocab, words=words))
    ]
    assert [ent[:3] for ent in found[0]] == [("PER", "Anna", "Nováková"), ("LOC", "Praze", "Praze")]
    assert found[0] == found[1]


def test_blanks_are_not_learnt_from(pipe):
    """The loss of a text and its gradient are those of its words."""
    losses = []
    for words in (TEXT.split(), ["\n", "Anna", "\t", *TEXT.split()[1:], "\n"]):
        doc = Doc(pipe.vocab, words=words)
        at = words.index("Nováková"), words.index("Praze")
        gold = doc.copy()
        gold.set_ents(
            [Span(gold, words.index("Anna"), at[0] + 1, "PER"), Span(gold, at[1], at[1] + 1, "LOC")]
        )
        emissions, _ = pipe.model.begin_update([doc])
        loss, (gradient,) = pipe.get_loss([Example(doc, gold)], emissions)
        shown = [i for i, word in enumerate(words) if word.strip()]
        assert not gradient[[i for i in range(len(words)) if i not in shown]].any()
        losses.append((loss, gradient[shown]))
    assert losses[0][0] == pytest.approx(losses[1][0], rel=1e-5)
    numpy.testing.assert_allclose(losses[0][1], losses[1][1], atol=1e-6)


def test_a_recogniser_needs_vectors(tiny_encoder):
    nlp = over_encoder(tiny_encoder, ["transformer", "crf_ner"], '[components.crf_ner]\nfactory = "crf_ner"')
    nlp = spacy.util.load_model_from_config(nlp, auto_fill=True)
    nlp.initialize(lambda: [Example.from_dict(nlp.make_doc(TEXT), {"entities": [(0, 13, "PER")]})])
    assert nlp(TEXT).has_annotation("ENT_IOB") and not nlp("").ents
    with pytest.raises(InputError, match="'crf_ner' has no vectors"):
        nlp.get_pipe("crf_ner")(nlp.make_doc(TEXT))
