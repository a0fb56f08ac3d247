"""An encoder's vectors of pieces as vectors of words, without the encoder."""

import numpy
import pytest
import spacy
import torch
from spacy.tokens import Doc
from spacy.training import Example

from spacy_slavner.architectures import PieceVectors_v1
from spacy_slavner.errors import InputError
from spacy_slavner.layers.torch.piece_vectors import principal_components
from spacy_slavner.pretraining.download import load_base_encoder

VOCAB = spacy.blank("xx").vocab
WORDS = ["V", "Praze", "jednal", "Praze", "\n", "необыкновенный"]


@pytest.fixture
def model(tiny_encoder):
    model = PieceVectors_v1(str(tiny_encoder), width=8)
    model.initialize(X=[Doc(VOCAB, ["V"])])
    return model


def expected(tiny_encoder, words: list[str]) -> numpy.ndarray:
    base = load_base_encoder(str(tiny_encoder))
    table = principal_components(base.model.get_input_embeddings().weight.detach(), 8)
    table = table / table.std()
    rows = []
    for word in words:
        ids = base.tokenizer(word, add_special_tokens=False)["input_ids"] or [0]
        rows.append(torch.cat([table[ids[0]], table[ids[-1]], table[ids].mean(0)]))
    return torch.stack(rows).numpy()


def test_first_last_and_mean_of_the_pieces(model, tiny_encoder):
    docs = [Doc(VOCAB, WORDS), Doc(VOCAB, []), Doc(VOCAB, WORDS[1:2])]
    found = model.predict(docs)
    assert [array.shape for array in found] == [(6, 24), (0, 24), (1, 24)]
    numpy.testing.assert_allclose(found[0], expected(tiny_encoder, WORDS), rtol=1e-4, atol=1e-5)
    assert (found[0][1] == found[2][0]).all()
    assert [array.shape for array in model.predict([Doc(VOCAB, [])])] == [(0, 24)] and model.predict([]) == []


def test_principal_components():
    vectors = numpy.random.default_rng(0).normal(size=(50, 6)) @ numpy.diag([5.0, 1, 3, 0.1, 2, 4])
    found = principal_components(torch.from_numpy(vectors), 3).numpy()
    left, sizes, _ = numpy.linalg.svd(vectors - vectors.mean(0), full_matrices=False)
    numpy.testing.assert_allclose(abs(found), abs(left[:, :3] * sizes[:3]), rtol=1e-6)


def test_the_same_from_bytes_and_without_the_encoder(model):
    other = PieceVectors_v1("no/such/encoder", width=8).from_bytes(model.to_bytes())
    other.initialize(X=[Doc(VOCAB, ["V"])])
    docs = [Doc(VOCAB, WORDS)]
    assert (other.predict(docs)[0] == model.predict(docs)[0]).all()


def test_bad_input(tiny_encoder):
    with pytest.raises(InputError, match="a width of .*smaller width"):
        PieceVectors_v1(str(tiny_encoder), width=10_000).initialize(X=[Doc(VOCAB, ["V"])])
    with pytest.raises(InputError, match="encoder"):
        PieceVectors_v1("no/such/encoder").initialize(X=[Doc(VOCAB, ["V"])])


def test_a_pipeline_on_it_learns_and_needs_no_encoder(tiny_encoder, tmp_path):
    pieces = {"@architectures": "spacy-slavner.PieceVectors.v1", "name": str(tiny_encoder), "width": 8}
    bilstm = {"@architectures": "spacy-slavner.BiLSTMEncoder.v1", "hidden": 16, "dropout": 0.0}
    tok2vec = bilstm | {"embed": pieces}
    config = {"@architectures": "spacy-slavner.CrfTagger.v1", "head": "linear", "tok2vec": tok2vec}
    nlp = spacy.blank("xx")
    nlp.add_pipe("crf_ner", config={"model": config})
    doc = nlp.make_doc("V Praze jednal Petr Fiala.")
    doc.set_ents([doc.char_span(2, 7, "LOC"), doc.char_span(15, 25, "PER")])
    sgd = nlp.initialize(lambda: [Example(nlp.make_doc(doc.text), doc)])
    table = nlp.get_pipe("crf_ner").model.get_ref("tok2vec").get_ref("embed").layers[0].shims[0]._model.table
    before = table.clone()
    for _ in range(200):
        nlp.update([Example(nlp.make_doc(doc.text), doc)], sgd=sgd)
    found = [(ent.text, ent.label_) for ent in nlp(doc.text).ents]
    assert found == [("Praze", "LOC"), ("Petr Fiala", "PER")] and (table == before).all()
    nlp.to_disk(tmp_path / "pipeline")
    loaded = spacy.load(tmp_path / "pipeline")
    assert [(ent.text, ent.label_) for ent in loaded(doc.text).ents] == found
