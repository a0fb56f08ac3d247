"""The component `crf_ner` on a small encoder that trains in a second."""

import logging
import pickle

import numpy
import pytest
import spacy
import srsly
import torch
from spacy.tokens import Doc, Span
from spacy.training import Example
from thinc.api import Adam

from spacy_slavner.errors import InputError
from spacy_slavner.layers.crf import Sequences, tagging_loss
from spacy_slavner.pipeline.names import clean_edges, gold_names, repair_quotes
from spacy_slavner.tagging import SCHEMES

MODEL = {
    "@architectures": "spacy-slavner.CrfTagger.v1",
    "dropout": 0.0,
    "tok2vec": {
        "@architectures": "spacy.HashEmbedCNN.v2",
        "pretrained_vectors": None,
        "width": 32,
        "depth": 1,
        "embed_size": 200,
        "window_size": 1,
        "maxout_pieces": 2,
        "subword_features": True,
    },
}
SCORER = {"@scorers": "spacy.ner_scorer.v1"}
TRAIN = [
    ("Jana Nowaka widziano w Pradze . Gazprom milczy .", ["Jana Nowaka:PER", "Pradze:LOC", "Gazprom:ORG"]),
    ("V Praze byla Anna Nováková a Karel .", ["Praze:LOC", "Anna Nováková:PER", "Karel:PER"]),
    ("Газпром строит Северный поток .", ["Газпром:ORG", "Северный поток:PRO"]),
    ("Вчера было холодно .", []),
]


def make_example(nlp, text: str, names: list[str]) -> Example:
    entities = []
    for name in names:
        form, label = name.rsplit(":", 1)
        start = text.index(form)
        entities.append((start, start + len(form), label))
    example = Example.from_dict(nlp.make_doc(text), {"entities": entities})
    for doc in (example.predicted, example.reference):
        for token in doc:
            token.is_sent_start = token.i == 0 or doc[token.i - 1].text == "."
    return example


def make_nlp(**config):
    nlp = spacy.blank("xx")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("crf_ner", config={"model": MODEL, "scorer": SCORER, **config})
    return nlp


def names_of(doc: Doc) -> list[tuple[str, str]]:
    return [(ent.text, ent.label_) for ent in doc.ents]


def examples_of(nlp) -> list[Example]:
    return [make_example(nlp, text, names) for text, names in TRAIN]


def train(nlp, steps: int = 60, examples: list[Example] | None = None):
    """Train as `spacy train` does: collect gradients, then finish the update."""
    spacy.util.fix_random_seed(0)
    examples = examples or examples_of(nlp)
    nlp.initialize(lambda: examples)
    optimizer = Adam(0.01)
    losses = []
    for _ in range(steps):
        losses.append(nlp.update(examples, sgd=False)["crf_ner"])
        nlp.get_pipe("crf_ner").finish_update(optimizer)
    return losses


@pytest.fixture(scope="module")
def trained():
    nlp = make_nlp()
    train(nlp)
    return nlp


def check_overfit(nlp):
    for text, names in TRAIN:
        doc = nlp(text)
        assert [f"{text}:{label}" for text, label in names_of(doc)] == names
        assert all(ent._.confidence > 0.9 for ent in doc.ents)


def test_add():
    pipe = make_nlp().get_pipe("crf_ner")
    assert pipe.labels == ()
    assert pipe.add_label("PER") == 1
    assert pipe.add_label("PER") == 0
    assert pipe.label_data == ["PER"]
    with pytest.raises(ValueError):
        pipe.add_label(3)
    with pytest.raises(ValueError, match="unknown tag scheme"):
        make_nlp(scheme="BIX")


def test_default_config_listens_to_a_transformer():
    nlp = spacy.blank("xx")
    pipe = nlp.add_pipe("crf_ner")
    assert any(node.name == "transformer-listener" for node in pipe.model.walk())
    config = nlp.get_pipe_config("crf_ner")
    assert config["model"]["tok2vec"]["pooling"]["@layers"] == "reduce_first.v1"


def test_not_initialised():
    with pytest.raises(ValueError, match="crf_ner"):
        make_nlp()("Anna .")


def test_no_labels():
    nlp = make_nlp()
    example = Example.from_dict(nlp.make_doc("Anna ."), {})
    with pytest.raises(InputError, match="no types of names"):
        nlp.initialize(lambda: [example])


def test_labels_are_fixed_once_initialised(trained):
    pipe = trained.get_pipe("crf_ner")
    assert pipe.labels == ("LOC", "ORG", "PER", "PRO")
    assert pipe.add_label("PER") == 0
    with pytest.raises(ValueError, match="crf_ner"):
        pipe.add_label("EVT")


def test_empty_doc_and_batch(trained):
    assert trained("").ents == ()
    assert list(trained.pipe([])) == []
    docs = list(trained.pipe(["", TRAIN[0][0], "", " "]))
    assert [len(doc.ents) for doc in docs] == [0, 3, 0, 0]
    pipe = trained.get_pipe("crf_ner")
    assert pipe.predict([]) == []
    assert pipe.update([]) == {"crf_ner": 0.0}
    empty = Example(trained.make_doc(""), trained.make_doc(""))
    assert pipe.update([empty]) == {"crf_ner": 0.0}
    assert pipe.update([empty, make_example(trained, *TRAIN[0])])["crf_ner"] > 0


@pytest.mark.parametrize("head", ["linear", "2fc"])
@pytest.mark.parametrize("search", [False, True])
def test_without_a_crf(head, search, tmp_path):
    """A softmax per token learns and saves as well; the loss is a mean over tokens."""
    model = {**MODEL, "@architectures": "spacy-slavner.SoftmaxTagger.v1", "head": head, "search": search}
    nlp = make_nlp(model=model, nbest=2)
    losses = train(nlp)
    assert losses[-1] < 0.1 * losses[0]
    # Before anything is learnt, a token has about one of its nine tags' probability.
    assert losses[0] == pytest.approx(numpy.log(9), abs=0.5)
    check_overfit(nlp)
    nlp.to_disk(tmp_path)
    other = spacy.load(tmp_path)
    check_overfit(other)
    for text, _ in TRAIN:
        assert other(text)._.ner_nbest == nlp(text)._.ner_nbest


def test_a_head_with_tanh_bounds_its_scores():
    nlp = make_nlp(model={**MODEL, "head": "tanh"})
    train(nlp, 20)
    emissions = nlp.get_pipe("crf_ner").model.predict([nlp.make_doc(TRAIN[0][0])])[0]
    assert numpy.abs(emissions).max() <= 1
    with pytest.raises(ValueError, match="unknown head"):
        make_nlp(model={**MODEL, "head": "quadratic"})


@pytest.mark.parametrize("scheme", SCHEMES)
def test_nbest(scheme):
    """Sentence by sentence; the first alternative is what the document's names are made of."""
    nlp = make_nlp(scheme=scheme, nbest=5)
    train(nlp, 15)
    texts = [TRAIN[0][0], "", TRAIN[2][0] + " " + TRAIN[1][0]]
    for text, doc in zip(texts, nlp.pipe(texts), strict=True):
        sentences = doc._.ner_nbest
        assert len(sentences) == len(list(doc.sents))
        names = [span for alternatives in sentences for span in alternatives[0]["spans"]]
        assert names == [(ent.start, ent.end, ent.label_) for ent in doc.ents]
        for sentence, alternatives in zip(doc.sents, sentences, strict=True):
            assert len({str(one["spans"]) for one in alternatives}) == 5
            values = [one["probability"] for one in alternatives]
            assert values == sorted(values, reverse=True) and 0 < sum(values) <= 1
            spans = [span for one in alternatives for span in one["spans"]]
            assert all(sentence.start <= start < end <= sentence.end for start, end, _ in spans)
            assert {label for _, _, label in spans} <= set(nlp.get_pipe("crf_ner").labels)
        again = Doc(nlp.vocab).from_bytes(doc.to_bytes())
        assert srsly.json_dumps(again._.ner_nbest) == srsly.json_dumps(sentences)
        assert [e._.confidence for e in nlp(text).ents] == [e._.confidence for e in doc.ents]


def test_nbest_is_a_switch(trained):
    assert trained(TRAIN[0][0])._.ner_nbest is None
    nlp = make_nlp(nbest=3).from_bytes(trained.to_bytes())
    assert [len(alternatives) for alternatives in nlp(TRAIN[0][0])._.ner_nbest] == [3, 3]


def test_configs_of_earlier_versions_load(trained, tmp_path):
    """Without the settings that came later, and with the decoder's weights under their first name."""
    trained.to_disk(tmp_path)
    config = spacy.util.load_config(tmp_path / "config.cfg")
    config["components"]["crf_ner"].pop("nbest")
    config["components"]["crf_ner"]["model"].pop("head", None)
    config.to_disk(tmp_path / "config.cfg")
    check_overfit(spacy.load(tmp_path))


def test_several_processes(trained):
    """Also after this process has decoded, and whatever it has compiled for that."""
    texts = [text for text, _ in TRAIN]
    expected = [names_of(trained(text)) for text in texts]
    found = [names_of(doc) for doc in trained.pipe(texts, n_process=2, batch_size=2)]
    assert found == expected


@pytest.mark.parametrize("scheme", SCHEMES)
def test_overfit_and_the_same_after_reload(scheme, tmp_path):
    nlp = make_nlp(scheme=scheme)
    losses = train(nlp)
    assert losses[-1] < 0.1 * losses[0]
    check_overfit(nlp)
    nlp.to_disk(tmp_path)
    from_disk = spacy.load(tmp_path)
    from_bytes = make_nlp(scheme=scheme).from_bytes(nlp.to_bytes())
    for other in (from_disk, from_bytes):
        check_overfit(other)
        assert other.get_pipe("crf_ner").labels == nlp.get_pipe("crf_ner").labels
        for text, _ in TRAIN:
            a, b = nlp(text), other(text)
            assert [e._.confidence for e in a.ents] == [e._.confidence for e in b.ents]


def test_loading_unpickles_nothing(trained, monkeypatch):
    data = trained.to_bytes()

    def refuse(*args, **kwargs):
        raise AssertionError("a pickle was read")

    for module, name in [(torch, "load"), (pickle, "load"), (pickle, "loads")]:
        monkeypatch.setattr(module, name, refuse)
    check_overfit(make_nlp().from_bytes(data))


def test_config_round_trip(trained):
    nlp = spacy.blank("xx").from_config(trained.config)
    assert nlp.config.to_str() == trained.config.to_str()
    # A switch in the config holds, whatever was in force when the weights were saved.
    nlp = make_nlp(quote_repair=False, confidence=False).from_bytes(trained.to_bytes())
    assert not nlp.get_pipe("crf_ner").quote_repair
    doc = nlp(TRAIN[0][0])
    assert names_of(doc) == names_of(trained(TRAIN[0][0]))
    assert [ent._.confidence for ent in doc.ents] == [None] * 3


def test_frozen(trained):
    nlp = make_nlp().from_bytes(trained.to_bytes())
    before = nlp.get_pipe("crf_ner").model.to_bytes()
    assert nlp.update(examples_of(nlp), sgd=Adam(0.1), exclude=["crf_ner"]) == {}
    assert nlp.get_pipe("crf_ner").model.to_bytes() == before
    nlp.update(examples_of(nlp), sgd=Adam(0.1))
    assert nlp.get_pipe("crf_ner").model.to_bytes() != before


def test_call_equals_pipe(trained):
    texts = [" ".join(text for text, _ in TRAIN[:n]) for n in (1, 3, 2, 4)] * 3
    for text, doc in zip(texts, trained.pipe(texts, batch_size=5), strict=True):
        alone = trained(text)
        assert names_of(doc) == names_of(alone)
        assert [e._.confidence for e in doc.ents] == pytest.approx(
            [e._.confidence for e in alone.ents], abs=1e-5
        )


def test_predictions_overwrite(trained):
    doc = trained.make_doc(TRAIN[0][0])
    doc.ents = [spacy.tokens.Span(doc, 2, 4, label="OLD")]
    trained.get_pipe("crf_ner")(doc)
    assert "OLD" not in {ent.label_ for ent in doc.ents}
    assert doc.has_annotation("ENT_IOB", require_complete=True)


def test_score(trained):
    scores = trained.evaluate(examples_of(trained))
    assert scores["ents_f"] == 1.0


def gradient_of(nlp, example: Example) -> tuple[float, numpy.ndarray]:
    pipe = nlp.get_pipe("crf_ner")
    emissions, _ = pipe.model.begin_update([example.predicted])
    loss, gradient = pipe.get_loss([example], emissions)
    return loss, numpy.abs(gradient[0]).sum(1)


def test_misaligned_names_silence_their_sentence_only(trained, caplog):
    words = ["Anna", "Nowakje", "tu", ".", "Karel", "milczy", "."]
    predicted = Doc(
        trained.vocab,
        words=words,
        sent_starts=[True, *[False] * 3, True, False, False],
        spaces=[True, True, True, True, True, True, False],
    )
    split = ["Anna", "Nowak", "je", "tu", ".", "Karel", "milczy", "."]
    reference = Doc(
        trained.vocab,
        words=split,
        spaces=[True, False, *[True] * 5, False],
        ents=["B-PER", "I-PER", "O", "O", "O", "B-PER", "O", "O"],
    )
    example = Example(predicted, reference)
    loss, gradient = gradient_of(trained, example)
    assert loss > 0 and (gradient[:4] == 0).all() and (gradient[4:] > 0).all()
    nlp = make_nlp()
    with caplog.at_level(logging.WARNING, logger="spacy"):
        spacy.util.logger.propagate = True
        try:
            nlp.initialize(lambda: [example])
        finally:
            spacy.util.logger.propagate = False
    assert "1 names off the token edges" in caplog.text


def test_unannotated_docs_give_no_loss_and_reach_backprop(trained):
    pipe = trained.get_pipe("crf_ner")
    blank = Example(trained.make_doc(TRAIN[0][0]), trained.make_doc(TRAIN[0][0]))
    loss, gradient = gradient_of(trained, blank)
    assert loss == 0 and (gradient == 0).all()
    calls = []
    forward = pipe.model._func

    def watched(model, docs, is_train):
        emissions, backprop = forward(model, docs, is_train)
        return emissions, lambda d: calls.append(d) or backprop(d)

    pipe.model._func = watched
    try:
        assert pipe.update([blank])["crf_ner"] == 0
    finally:
        pipe.model._func = forward
    assert len(calls) == 1 and not calls[0][0].any()


def test_partly_annotated_sentences_give_no_loss(trained):
    doc = make_example(trained, *TRAIN[0]).predicted
    reference = doc.copy()
    reference.set_ents([spacy.tokens.Span(doc, 6, 7, label="ORG")], default="outside", missing=[doc[1:2]])
    _, gradient = gradient_of(trained, Example(doc, reference))
    assert (gradient[:6] == 0).all() and (gradient[6:] > 0).all()


def test_a_name_across_a_sentence_boundary_joins_the_sentences(trained):
    example = make_example(trained, "Karel . Novák milczy .", ["Karel . Novák:PER"])
    loss, gradient = gradient_of(trained, example)
    assert numpy.isfinite(loss) and (gradient > 0).all()


def test_sentences_of_the_reference_serve_where_the_predicted_doc_has_none(trained):
    example = make_example(trained, *TRAIN[0])
    bare = Example(trained.make_doc(TRAIN[0][0]), example.reference)
    assert gradient_of(trained, bare)[0] == pytest.approx(gradient_of(trained, example)[0])


@pytest.mark.parametrize("scheme", SCHEMES)
def test_gold_tags(scheme):
    """Names that touch, across a sentence boundary too: each sentence has tags of its own."""
    nlp = make_nlp(scheme=scheme)
    example = make_example(nlp, "a b . c d", ["a:X", "b:X", "c d:X"])
    # The full stop belongs to a name, so that this one touches the next sentence's.
    example.reference.ents = [
        spacy.tokens.Span(example.reference, start, end, label="X") for start, end in [(0, 1), (1, 3), (3, 5)]
    ]
    nlp.initialize(lambda: [example])
    pipe = nlp.get_pipe("crf_ner")
    tags = pipe._tags([gold_names(example)], Sequences(numpy.array([0, 3]), numpy.array([3, 2])))
    expected = {
        "BIO": ["B-X", "B-X", "I-X", "B-X", "I-X"],
        "IOB1": ["I-X", "B-X", "I-X", "I-X", "I-X"],
        "BIOES": ["S-X", "B-X", "E-X", "B-X", "E-X"],
    }
    names = pipe.scheme.labels(pipe.labels)
    assert [names[tag] for tag in tags] == expected[scheme]
    assert numpy.isfinite(nlp.update([example])["crf_ner"])


def test_names_outside_of_given_labels_are_reported(caplog):
    nlp = make_nlp()
    pipe = nlp.get_pipe("crf_ner")
    spacy.util.logger.propagate = True
    try:
        pipe.initialize(lambda: examples_of(nlp), nlp=nlp, labels=["PER", "LOC"])
    finally:
        spacy.util.logger.propagate = False
    assert pipe.labels == ("PER", "LOC")
    assert "3 names of types outside of the labels" in caplog.text


def test_long_sentences_are_cut(trained):
    long = " ".join([TRAIN[2][0].replace(" .", "")] * 40)
    nlp = make_nlp(max_sentence=10).from_bytes(trained.to_bytes())
    sequences = nlp.get_pipe("crf_ner")._sequences([numpy.arange(160) == 0])
    assert sequences.lengths.max() == 10 and sequences.lengths.sum() == 160
    assert len(nlp(long).ents) == len(trained(long).ents) == 80


def test_transition_scores_are_trained(trained):
    pipe = make_nlp().from_bytes(trained.to_bytes()).get_pipe("crf_ner")
    example = make_example(trained, *TRAIN[0])
    emissions, _ = pipe.model.begin_update([example.predicted])
    head = pipe.model.get_ref("head")
    tagging_loss(head, emissions, Sequences(numpy.array([0]), numpy.array([9])), numpy.zeros(9, int))
    assert all(p.grad is not None and p.grad.any() for p in head.shims[0]._model.decoder.parameters())


def test_dropout_in_training_only():
    nlp = make_nlp(model={**MODEL, "dropout": 0.5})
    examples = examples_of(nlp)
    nlp.initialize(lambda: examples)
    model = nlp.get_pipe("crf_ner").model
    docs = [eg.predicted for eg in examples]
    first, second = (model.predict(docs)[0] for _ in range(2))
    numpy.testing.assert_array_equal(first, second)
    assert not numpy.allclose(model.begin_update(docs)[0][0], model.begin_update(docs)[0][0])


@pytest.mark.parametrize(
    "words,expected",
    [
        ("« Северный поток", "Северный поток"),
        ("Северный поток »", "Северный поток"),
        ("« Северный поток »", "« Северный поток »"),
        ("„ Nord Stream “", "„ Nord Stream “"),
        ("„ Nord Stream", "Nord Stream"),
        ("Nord Stream “", "Nord Stream"),
        ("» Nord Stream «", "» Nord Stream «"),
        ("“ Nord Stream ”", "“ Nord Stream ”"),
        ("” Nord Stream ”", "” Nord Stream ”"),
        ('" Nord Stream', "Nord Stream"),
        ('" Nord " Stream "', '" Nord " Stream'),
        ("' Nord Stream '", "' Nord Stream '"),
        ("Nord '", "Nord"),
        ("OOO « Nord Stream »", "OOO « Nord Stream »"),
        ("OOO « Nord Stream", "OOO « Nord Stream"),
        ("« OOO « Nord »", "OOO « Nord »"),
        ("O'Brien", "O'Brien"),
        ("«", ""),
    ],
)
def test_quote_repair(words, expected):
    words = words.split()
    doc = Doc(spacy.blank("xx").vocab, words=["x", *words, "x"])
    start, end = repair_quotes(doc, 1, len(words) + 1)
    assert [token.text for token in doc[start:end]] == expected.split()


def test_quote_repair_is_a_switch():
    text = "Oba « Nord Stream milczy ."
    for repair, expected in [(True, "Nord Stream"), (False, "« Nord Stream")]:
        nlp = make_nlp(quote_repair=repair)
        train(nlp, 30, [make_example(nlp, text, ["« Nord Stream:PRO"])])
        assert names_of(nlp(text)) == [(expected, "PRO")]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Asia Bibi", "Asia Bibi"),
        ("\n\n|Asia|  |Bibi|\n", "Asia|  |Bibi"),
        ("« |\n|Nord", "« |\n|Nord"),
        ("«|\n|Nord|\n", "Nord"),
        ("\n\n", ""),
        ("\n|«", ""),
    ],
)
def test_names_have_no_white_space_at_their_edges(words, expected):
    words = words.split("|")
    doc = Doc(spacy.blank("xx").vocab, words=["x", *words, "x"])
    start, end = clean_edges(doc, 1, len(words) + 1, quotes=True)
    assert "|".join(token.text for token in doc[start:end]) == expected


def test_white_space_is_no_name():
    nlp = make_nlp()
    text = "Gazprom \n\n Gazprom \n\n Gazprom \n\n"
    doc = Doc(nlp.vocab, words=text.split(" "))
    example = Example(doc, Doc(nlp.vocab, words=text.split(" "), ents=["B-ORG"] * 6))
    train(nlp, 30, [example])
    found = nlp.get_pipe("crf_ner")(doc.copy())
    assert names_of(found) == [("Gazprom", "ORG")] * 3


def test_the_vote_is_a_switch():
    text = "Bibi milczy . Bibi stoi . Bibi biegnie ."
    types = ["PER", "ORG", "PER"]
    for vote, expected in [(False, types), (True, ["PER"] * 3)]:
        nlp = make_nlp(document_vote=vote)
        example = make_example(nlp, text, [])
        example.reference.ents = [
            Span(example.reference, 3 * i, 3 * i + 1, label=label) for i, label in enumerate(types)
        ]
        train(nlp, 40, [example])
        assert [label for _, label in names_of(nlp(text))] == expected
