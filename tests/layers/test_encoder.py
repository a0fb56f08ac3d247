"""The encoder: alignment, long inputs, gradients, freezing, layer mix, precision, serialisation."""

import shutil

import numpy
import pytest
import spacy
import srsly
import torch
from spacy.tokens import Doc
from spacy_transformers.data_classes import TransformerData
from thinc.api import Adam, Config, PyTorchGradScaler, get_current_ops
from tokenizers import Tokenizer
from transformers import AutoModel, AutoTokenizer, BertConfig, RobertaConfig

from spacy_slavner.attributes import set_attributes
from spacy_slavner.errors import InputError
from spacy_slavner.layers.encoder import cut_windows
from spacy_slavner.layers.feature_cache import FeatureCache
from spacy_slavner.layers.pieces import make_pieces
from spacy_slavner.layers.torch.encoder import EncoderModule, WindowBatch
from spacy_slavner.training.optimizer import AdamW_v1

TEXT = "Президент Borisem Johnsonem navštívil „Wielką Brytanię“ w 2020 roku."


def config(name, **settings):
    return {
        "model": {
            "@architectures": "spacy-slavner.TransformerModel.v1",
            "name": str(name),
            "precision": "fp32",
            "get_spans": {"@span_getters": "spacy-slavner.piece_windows.v1", "window": 40, "overlap": 10},
            **settings,
        }
    }


def pipeline(name, **settings):
    nlp = spacy.blank("xx")
    nlp.add_pipe("transformer", config=config(name, **settings))
    nlp.initialize()
    return nlp


def hidden(doc):
    return doc._.trf_data.model_output.last_hidden_state[0]


def test_short_text_equals_the_bare_encoder(tiny_encoder):
    doc = pipeline(tiny_encoder)(TEXT[:30])
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    inputs = tokenizer(TEXT[:30], return_tensors="pt")
    with torch.no_grad():
        bare = AutoModel.from_pretrained(tiny_encoder).eval()(
            input_ids=inputs.input_ids, attention_mask=inputs.attention_mask
        )
    pieces = inputs.input_ids[0]
    keep = [i for i in range(1, len(pieces) - 1) if pieces[i] != tokenizer.convert_tokens_to_ids("▁")]
    assert numpy.allclose(hidden(doc), bare.last_hidden_state[0, keep].numpy(), atol=1e-5)


@pytest.mark.parametrize("text", ["", "  ", "\n\n a", "x" * 500, "ﬁ ½ Ⅳ…", "слово " * 200, "a\u200bb \ufeff"])
def test_every_token_has_pieces(tiny_encoder, text):
    doc = pipeline(tiny_encoder)(text)
    data = doc._.trf_data
    assert len(data.align.lengths) == len(doc)
    if len(doc):
        assert data.align.lengths.min() >= 1
        assert data.align.dataXd.max() < len(hidden(doc))
        assert numpy.isfinite(hidden(doc)).all()


def test_alignment_by_characters(tiny_encoder):
    nlp = spacy.blank("xx")
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    doc = nlp(TEXT)
    pieces = make_pieces(tokenizer, [doc])[0]
    assert pieces.counts.sum() == len(pieces)
    encoding = tokenizer(TEXT, return_offsets_mapping=True, add_special_tokens=False)
    offsets = [(s, e) for s, e in encoding["offset_mapping"] if e > s]
    for token in doc:
        covering = [i for i, (s, e) in enumerate(offsets) if s < token.idx + len(token) and e > token.idx]
        first, length = pieces.first[token.i], pieces.lengths[token.i]
        assert covering == list(range(first, first + length))


def test_romanized_pieces_are_those_of_the_romanized_text(tiny_encoder, monkeypatch):
    from spacy_slavner.layers import pieces as module

    set_attributes()
    nlp = spacy.blank("xx")
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    doc = nlp("Юлия Щукина живёт в Киеве , Łódź \n\n i tam.")
    doc._.language = "ru"
    plain = nlp("Yuliya Shchukina zhivyot v Kiyeve , Lodz \n\n i tam.")
    for portion in (module.PORTION, 3):
        monkeypatch.setattr(module, "PORTION", portion)
        found, expected = make_pieces(tokenizer, [doc], True)[0], make_pieces(tokenizer, [plain])[0]
        for name in ("ids", "first", "lengths", "counts"):
            assert (getattr(found, name) == getattr(expected, name)).all()
    empty = make_pieces(tokenizer, [nlp("")], True)[0]
    assert len(empty) == 0
    one = pipeline(tiny_encoder, romanized=True)(doc.text)
    assert len(one._.trf_data.align.lengths) == len(one)


def test_portions_of_a_long_document_do_not_change_the_pieces(tiny_encoder, monkeypatch):
    from spacy_slavner.layers import pieces as module

    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    doc = spacy.blank("xx")(TEXT * 20)
    whole = make_pieces(tokenizer, [doc])[0]
    monkeypatch.setattr(module, "PORTION", 7)
    cut = make_pieces(tokenizer, [doc])[0]
    for name in ("ids", "first", "lengths", "counts"):
        assert (getattr(whole, name) == getattr(cut, name)).all()


def test_memory_of_segmentation_is_bounded(tiny_encoder, monkeypatch):
    from spacy_slavner.layers import pieces as module

    class Spy:
        def __init__(self, tokenizer):
            self.tokenizer, self.backend_tokenizer, self.most = tokenizer, self, 0
            self.unk_token_id = tokenizer.unk_token_id

        def encode_batch(self, texts, **settings):
            self.most = max(self.most, len(texts))
            return self.tokenizer.backend_tokenizer.encode_batch(texts, **settings)

    monkeypatch.setattr(module, "PORTION", 7)
    monkeypatch.setattr(module, "PORTIONS_AT_ONCE", 3)
    spy = Spy(AutoTokenizer.from_pretrained(tiny_encoder))
    docs = [spacy.blank("xx")(TEXT * 20), spacy.blank("xx")(TEXT)]
    cut = make_pieces(spy, docs)
    assert spy.most == 3
    for doc, pieces in zip(docs, cut, strict=True):
        assert (make_pieces(spy, [doc])[0].ids == pieces.ids).all()


def test_truncation_and_padding_of_the_tokenizer_file_are_ignored(tiny_encoder, tmp_path):
    folder = shutil.copytree(tiny_encoder, tmp_path / "encoder")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding(length=100)
    tokenizer.save(str(folder / "tokenizer.json"))
    expected, found = (hidden(pipeline(name)(TEXT)) for name in (tiny_encoder, folder))
    assert expected.shape == found.shape and numpy.allclose(expected, found, atol=1e-5)


def test_span_getter_that_leaves_tokens_out(tiny_encoder):
    nlp = pipeline(tiny_encoder)
    model = nlp.get_pipe("transformer").model
    model.attrs["get_spans"] = lambda docs: [[doc[:2]] for doc in docs]
    with pytest.raises(InputError, match="left tokens out"):
        nlp(TEXT)


def test_batching_does_not_change_vectors(tiny_encoder):
    nlp = pipeline(tiny_encoder)
    texts = [TEXT, TEXT * 5, "", "Ano.", TEXT[:20]]
    for one, many in zip(map(nlp, texts), nlp.pipe(texts), strict=True):
        assert len(one) == 0 or numpy.allclose(hidden(one), hidden(many), atol=1e-5)


@pytest.mark.parametrize("settings", [{}, {"mix": "scalars"}, {"mix": "softmax"}, {"layers": 1}])
def test_bytes_and_disk(tiny_encoder, tmp_path, settings):
    nlp = pipeline(tiny_encoder, **settings)
    module = nlp.get_pipe("transformer").model.shims[0].module
    with torch.no_grad():
        for p in module.parameters():
            p.add_(torch.randn_like(p) * 0.01)
    nlp.to_disk(tmp_path / "pipeline")
    fresh = spacy.blank("xx")
    fresh.add_pipe("transformer", config=config(tiny_encoder, **settings))
    for loaded in (spacy.load(tmp_path / "pipeline"), fresh.from_bytes(nlp.to_bytes())):
        assert (hidden(loaded(TEXT)) == hidden(nlp(TEXT))).all()
        again = loaded.get_pipe("transformer").model.shims[0].module
        assert again.config.layer_norm_eps == module.config.layer_norm_eps == 1e-12


def test_no_pickle_on_disk(tiny_encoder, tmp_path, monkeypatch):
    nlp = pipeline(tiny_encoder)
    nlp.to_disk(tmp_path / "pipeline")

    def refuse(*args, **kwargs):
        raise AssertionError("unpickled")

    monkeypatch.setattr(torch, "load", refuse)
    monkeypatch.setattr("pickle.loads", refuse)
    monkeypatch.setattr("pickle.load", refuse)
    spacy.load(tmp_path / "pipeline")


@pytest.mark.parametrize("kind,dtype", [(b"", "|O"), (b"O", "|O"), (b"V", [["a", "|O"]])])
def test_arrays_of_objects_are_refused(tiny_encoder, kind, dtype):
    """Messages may hold numpy arrays; such an array would be a pickle."""
    array = {b"nd": True, b"type": dtype, b"kind": kind, b"shape": (1,), b"data": bytes(8)}
    shim = pipeline(tiny_encoder).get_pipe("transformer").model.shims[0]
    with pytest.raises(ValueError, match="OBJECT array"):
        shim.from_bytes(srsly.msgpack_dumps({"config": array}))


def gradient(model, docs):
    """The gradient of Σ vectors² reaches the parameters through the model's own backward pass."""
    output, backprop = model.begin_update(docs)
    data = output.doc_data
    arrays = [[2 * d.model_output.last_hidden_state] for d in data if len(d.align.lengths)]
    backprop(output.unsplit_by_doc(arrays))
    return {n: p.grad.clone() for n, p in model.shims[0].module.named_parameters() if p.grad is not None}


def test_gradient_equals_torch(tiny_encoder):
    nlp = pipeline(tiny_encoder, mix="scalars")
    docs = [nlp.make_doc(t) for t in (TEXT, "", TEXT[:25])]
    model = nlp.get_pipe("transformer").model
    found = gradient(model, docs)
    module = model.shims[0].module
    parameter = module.mix.scalars
    for i in range(len(parameter)):
        step = 1e-3
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                parameter[i] += sign * step
            out = model.predict(docs)
            values.append(float((out.model_output.last_hidden_state.double() ** 2).sum()))
            with torch.no_grad():
                parameter[i] -= sign * step
        assert found["mix.scalars"][i] == pytest.approx((values[0] - values[1]) / (2 * step), rel=2e-2)
    assert "transformer.embeddings.word_embeddings.weight" in found


@pytest.mark.parametrize("frozen,trained", [(-1, {"e", "0", "1"}), (0, {"0", "1"}), (1, {"1"}), (2, set())])
def test_frozen_layers(tiny_encoder, frozen, trained):
    nlp = pipeline(tiny_encoder, frozen_layers=frozen, dropout=0.3)
    model = nlp.get_pipe("transformer").model
    found = gradient(model, [nlp.make_doc(TEXT)])
    parts = {n.split("layer.")[1][0] if "layer." in n else "e" for n, g in found.items() if g.abs().sum() > 0}
    assert parts == trained


def test_dropout_reaches_torch_and_stays_out_of_frozen_layers(tiny_encoder):
    def spread(**settings):
        nlp = pipeline(tiny_encoder, **settings)
        model = nlp.get_pipe("transformer").model
        docs = [nlp.make_doc(TEXT)]
        first = model.begin_update(docs)[0].model_output.last_hidden_state.detach()
        second = model.begin_update(docs)[0].model_output.last_hidden_state.detach()
        return float((first - second).abs().max())

    assert spread(dropout=0.0) == 0
    assert spread(dropout=0.5) > 0
    assert spread(dropout=0.5, frozen_layers=2) == 0
    assert spread(dropout=0.5, frozen_layers=2, frozen_dropout=True) > 0
    with pytest.warns(UserWarning, match="frozen_dropout changes nothing"):
        assert spread(dropout=0.0, frozen_layers=2, frozen_dropout=True) == 0


def test_masking_only_while_training(tiny_encoder):
    nlp = pipeline(tiny_encoder, piece_masking=0.5)
    model = nlp.get_pipe("transformer").model
    docs = [nlp.make_doc(TEXT)]
    predicted = model.predict(docs).model_output.last_hidden_state
    trained = model.begin_update(docs)[0].model_output.last_hidden_state
    assert (predicted == model.predict(docs).model_output.last_hidden_state).all()
    assert (predicted - trained.detach()).abs().max() > 1e-3


def test_bf16_agrees_with_fp32(tiny_encoder):
    full = hidden(pipeline(tiny_encoder)(TEXT))
    half = hidden(pipeline(tiny_encoder, precision="bf16")(TEXT))
    assert half.dtype == numpy.float32
    cosine = (full * half).sum(1) / numpy.linalg.norm(full, axis=1) / numpy.linalg.norm(half, axis=1)
    assert cosine.min() > 0.99


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_attention_kernels_agree(tiny_encoder, precision):
    nlps = [
        pipeline(tiny_encoder, precision=precision, attention=kernel) for kernel in ("sdpa", "eager", "auto")
    ]
    sdpa, eager, auto = (hidden(nlp(TEXT)) for nlp in nlps)
    assert numpy.allclose(sdpa, eager, atol=1e-5 if precision == "fp32" else 0.1)
    assert numpy.array_equal(auto, sdpa)


def test_weights_that_are_cast_once_predict_the_same(tiny_encoder):
    nlp = pipeline(tiny_encoder, precision="bf16", mix="scalars")
    model = nlp.get_pipe("transformer").model
    shim = model.shims[0]
    docs = [nlp.make_doc(TEXT * 3), nlp.make_doc(TEXT)]

    def equal():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(shim, "_run", lambda inputs: shim.module(*inputs.args))
            plain = model.predict(docs).model_output.last_hidden_state
        found = model.predict(docs).model_output.last_hidden_state
        assert (found == model.predict(docs).model_output.last_hidden_state).all()
        return bool((plain == found).all())

    def vectors():
        return model.predict(docs).model_output.last_hidden_state.clone()

    assert equal()
    optimizer = AdamW_v1(learn_rate=0.01, average_decay=0.5)
    seen = [vectors()]
    for _ in range(2):
        gradient(model, docs)
        model.finish_update(optimizer)
        seen.append(vectors())
        assert equal() and (seen[-1] != seen[-2]).any()
    with model.use_params(optimizer.averages):
        assert equal() and (vectors() != seen[-1]).any()
    assert equal() and (vectors() == seen[-1]).all()
    gradient(model, docs)
    model.finish_update(Adam(0.01))
    assert equal() and (vectors() != seen[-1]).any()
    with torch.no_grad():
        next(iter(shim._linear.values())).add_(0.1)
    assert equal()
    shim.from_bytes(shim.to_bytes())
    assert equal()
    assert all(p.dtype == torch.float32 for p in shim.module.parameters())


def test_scaled_gradients_of_several_passes_add_up(tiny_encoder, monkeypatch):
    """What the scaler does on a GPU, on this CPU: gradients accumulate over passes before a step."""
    nlp = pipeline(tiny_encoder)
    model = nlp.get_pipe("transformer").model
    docs = [nlp.make_doc(TEXT)]
    gradient(model, docs)
    expected = gradient(model, docs)
    model.shims[0].module.zero_grad()
    scaler = PyTorchGradScaler(True)
    monkeypatch.setattr(scaler, "_scale_tensor", lambda tensor, scales, inplace: tensor.mul_(scaler._scale))
    model.shims[0]._grad_scaler = scaler
    gradient(model, docs)
    found = gradient(model, docs)
    for name, value in expected.items():
        assert torch.allclose(found[name], value, rtol=1e-3, atol=1e-5)


def test_a_batch_without_tokens(tiny_encoder):
    nlp = pipeline(tiny_encoder)
    model = nlp.get_pipe("transformer").model
    for is_train in (True, False):
        output, backprop = model([nlp.make_doc("")], is_train)
        assert output.model_output.last_hidden_state.shape == (1, 0, 24)
        assert backprop(output) is not None


def test_positions_behind_the_padding_index(tiny_encoder):
    config = RobertaConfig(
        vocab_size=50, hidden_size=24, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=48, max_position_embeddings=40, pad_token_id=1,
    )  # fmt: skip
    for settings, expected in ((config, 36), (BertConfig(max_position_embeddings=40), 38)):
        settings.update({"hidden_size": 24, "num_attention_heads": 2, "num_hidden_layers": 1})
        module = EncoderModule(AutoModel.from_config(settings))
        assert module.limit == expected
        ids = torch.full((1, expected + 2), 5)
        batch = WindowBatch(ids, torch.ones_like(ids), torch.arange(2), torch.arange(2))
        assert module([batch], 2).shape == (2, 24)


def test_replaced_listener_gives_the_same_vectors(tiny_encoder):
    nlp = pipeline(tiny_encoder)
    listener = Config().from_str(
        """
        [model]
        @architectures = "spacy.Tagger.v2"
        [model.tok2vec]
        @architectures = "spacy-transformers.TransformerListener.v1"
        grad_factor = 1.0
        [model.tok2vec.pooling]
        @layers = "reduce_mean.v1"
        """
    )
    tagger = nlp.add_pipe("tagger", config=listener)
    tagger.add_label("X")
    nlp.initialize()
    doc = nlp(TEXT)
    before = tagger.model.predict([doc])[0]
    nlp.replace_listeners("transformer", "tagger", ["model.tok2vec"])
    after = nlp.get_pipe("tagger").model.predict([nlp.make_doc(TEXT)])[0]
    assert numpy.allclose(before, after, atol=1e-5)
    architecture = nlp.config["components"]["tagger"]["model"]["tok2vec"]["@architectures"]
    assert architecture == "spacy-slavner.Tok2VecTransformer.v1"


@pytest.mark.parametrize("name", ["assets/x", "./x", "no/such/x", "somebody/else", "bare", "tmp"])
def test_missing_encoder_is_one_clear_error_and_asked_for_once(tmp_path, monkeypatch, name):
    asked = []

    def refuse(self, name, **kwargs):
        asked.append(name)
        raise ConnectionError("no route to host")

    monkeypatch.setattr("huggingface_hub.HfApi.model_info", refuse)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tmp").mkdir()
    with pytest.raises(InputError, match="encoder.*spacy project run encoder"):
        pipeline(name)
    assert asked == [name] * (name in ("somebody/else", "bare"))


def test_tokenizer_of_another_encoder_is_refused(tiny_encoder, tmp_path):
    """Also where it has no more pieces than the encoder has vectors, but larger ids."""
    shutil.copytree(tiny_encoder, tmp_path, dirs_exist_ok=True)
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    tokenizer.add_tokens("knihovna")
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(InputError, match="does not fit.*largest id is.*saved together"):
        pipeline(tmp_path)


def test_not_initialised(tiny_encoder):
    nlp = spacy.blank("xx")
    nlp.add_pipe("transformer", config=config(tiny_encoder))
    with pytest.raises(InputError, match="no weights"):
        nlp(TEXT)


@pytest.mark.parametrize("settings,word", [({"layers": 9}, "layers"), ({"mix": "sum"}, "mix")])
def test_bad_settings(tiny_encoder, settings, word):
    with pytest.raises(ValueError, match=word):
        pipeline(tiny_encoder, **settings)


def test_stock_data_structure(tiny_encoder):
    nlp = pipeline(tiny_encoder)
    data = nlp(TEXT)._.trf_data
    assert isinstance(data, TransformerData)
    assert TransformerData.empty().from_bytes(data.to_bytes()).align.lengths.sum() == data.align.lengths.sum()
    assert get_current_ops().xp is numpy and isinstance(nlp(TEXT), Doc)


TOP = {"@layers": "spacy-slavner.JointHead.v1", "bilstm": 5, "attention_heads": 2, "attention_width": 3}


def joint(name, **settings):
    return pipeline(name, **{"mix": "scalars", "frozen_layers": 2, "top": TOP, **settings})


def model_of(nlp):
    return nlp.get_pipe("transformer").model


def test_top_runs_over_whole_windows(tiny_encoder):
    nlp = joint(tiny_encoder)
    module = model_of(nlp).shims[0].module.eval()
    doc = nlp(TEXT[:30])
    inputs = AutoTokenizer.from_pretrained(tiny_encoder)(TEXT[:30], return_tensors="pt")
    keep = [i for i, piece in enumerate(inputs.input_ids[0].tolist()) if piece != 5]  # 5: a lone mark
    ids = inputs.input_ids[:, keep]
    with torch.no_grad():
        states = module.transformer(ids, torch.ones_like(ids), output_hidden_states=True).hidden_states
        expected = module.top(module.mix(states[1:]), torch.ones_like(ids, dtype=torch.bool))[0]
    assert model_of(nlp).get_dim("nO") == 10 == expected.shape[1]
    assert numpy.allclose(hidden(doc), expected[1:-1], atol=1e-5)
    assert numpy.allclose(doc._.trf_data.first, expected[:1], atol=1e-5)


def test_batching_does_not_change_vectors_of_a_top(tiny_encoder):
    nlp = joint(tiny_encoder)
    texts = [TEXT, TEXT * 5, "", "Ano.", TEXT[:20]]
    for one, many in zip(map(nlp, texts), nlp.pipe(texts), strict=True):
        assert len(one) == 0 or numpy.allclose(hidden(one), hidden(many), atol=1e-5)


def test_top_comes_back_from_bytes_and_disk(tiny_encoder, tmp_path):
    nlp = joint(tiny_encoder)
    nlp.to_disk(tmp_path / "pipeline")
    fresh = spacy.blank("xx")
    settings = {"mix": "scalars", "frozen_layers": 2, "top": TOP}
    fresh.add_pipe("transformer", config=config(tiny_encoder, **settings))
    for loaded in (spacy.load(tmp_path / "pipeline"), fresh.from_bytes(nlp.to_bytes())):
        assert (hidden(loaded(TEXT)) == hidden(nlp(TEXT))).all()
        assert model_of(loaded).get_dim("nO") == 10


def test_only_the_top_of_a_frozen_encoder_is_trained(tiny_encoder):
    nlp = joint(tiny_encoder, dropout=0.5)
    parts = {name.split(".")[0] for name in gradient(model_of(nlp), [nlp.make_doc(TEXT)])}
    assert parts == {"mix", "top"}


def test_top_has_the_rate_of_the_heads(tiny_encoder):
    nlp = joint(tiny_encoder, frozen_layers=-1)
    optimizer = AdamW_v1(learn_rate=0.01, encoder_rate=0.001, layer_decay=0.5, weight_decay=0.1)
    module = model_of(nlp).shims[0].module
    names = {id(p): name for name, p in module.named_parameters()}
    found = {
        names[id(p)]: (group["rate"], group["scale"])
        for group in optimizer.parameter_groups(module, "encoder")
        for p in group["params"]
    }
    assert found["mix.scalars"] == found["top.bilstm.forwards.0.weight_ih_l0"] == ("head", 1.0)
    assert found["transformer.encoder.layer.1.attention.self.query.weight"] == ("encoder", 1.0)
    assert found["transformer.encoder.layer.0.attention.self.query.weight"] == ("encoder", 0.5)
    before = {name: p.detach().clone() for name, p in module.named_parameters()}
    gradient(model_of(nlp), [nlp.make_doc(TEXT)])
    model_of(nlp).finish_update(optimizer)
    move = {name: float((p.detach() - before[name]).abs().max()) for name, p in module.named_parameters()}
    assert move["top.attention.value.bias"] == pytest.approx(0.01, rel=0.01)
    assert move["transformer.encoder.layer.1.output.dense.bias"] == pytest.approx(0.001, rel=0.01)


def test_first_vectors_of_windows(tiny_encoder):
    nlp = pipeline(tiny_encoder)
    docs = list(nlp.pipe([TEXT * 5, "", TEXT[:20]]))
    model = model_of(nlp)
    pieces = make_pieces(model.shims[0].tokenizer, docs)
    windows = cut_windows(model, docs, pieces)
    assert not hasattr(docs[1]._.trf_data, "first")
    for i in (0, 2):
        data = docs[i]._.trf_data
        own = [w for w in windows if w.doc == i]
        assert data.first.shape == (len(own), 24) and data.owners.shape == (len(pieces[i]),)
        for number, window in enumerate(own):
            assert (data.owners[window.read] == number).all()
            ids = torch.tensor([[0, *pieces[i].ids[window.start : window.end], 2]])
            with torch.no_grad():
                expected = model.shims[0].module.transformer(ids).last_hidden_state[0, 0]
            assert numpy.allclose(data.first[number], expected, atol=1e-5)


def test_gradient_of_first_vectors_is_the_numeric_gradient(tiny_encoder):
    nlp = pipeline(tiny_encoder, mix="scalars")
    docs = [nlp.make_doc(t) for t in (TEXT * 3, "", TEXT[:20])]
    model = model_of(nlp)
    output, backprop = model.begin_update(docs)
    full = [data for data in output.doc_data if len(data.align.lengths)]
    for data in full:
        data.d_first = 2 * data.first
    backprop(output.unsplit_by_doc([[0 * d.model_output.last_hidden_state] for d in full]))
    assert all(data.d_first is None for data in full)
    parameter = model.shims[0].module.mix.scalars
    values = []
    for step in (1e-3, -1e-3):
        with torch.no_grad():
            parameter[1] += step
        data = [d for d in model.predict(docs).doc_data if len(d.align.lengths)]
        values.append(sum(float((d.first.astype("d") ** 2).sum()) for d in data))
        with torch.no_grad():
            parameter[1] -= step
    assert float(parameter.grad[1]) == pytest.approx((values[0] - values[1]) / 2e-3, rel=0.02)


def count_runs(monkeypatch):
    seen = []
    run = EncoderModule._states
    monkeypatch.setattr(
        EncoderModule,
        "_states",
        lambda self, ids, mask: seen.append(len(ids)) or run(self, ids, mask),
    )
    return seen


@pytest.mark.parametrize("settings", [{}, {"mix": None}, {"mix": None, "top": None}])
def test_cache_runs_the_encoder_once_and_changes_little(tiny_encoder, tmp_path, monkeypatch, settings):
    plain, cached = (
        joint(tiny_encoder, cache_dir=folder, **settings) for folder in (None, str(tmp_path / "c"))
    )
    model_of(cached).from_bytes(model_of(plain).to_bytes())
    docs = [cached.make_doc(text) for text in (TEXT * 3, "", TEXT)]
    expected = gradient(model_of(plain), docs)
    vectors = model_of(plain).begin_update(docs)[0].model_output.last_hidden_state
    seen = count_runs(monkeypatch)
    for _ in range(3):
        model_of(cached).shims[0].module.zero_grad()
        found = gradient(model_of(cached), docs)
        now = model_of(cached).begin_update(docs)[0].model_output.last_hidden_state
        assert torch.allclose(now, vectors, atol=0.01)
        for name, value in expected.items():
            assert torch.allclose(found[name], value, atol=0.01 + 0.02 * float(value.abs().max()))
    assert len(seen) == 1
    model_of(cached).predict(docs)
    assert len(seen) > 1


def test_cache_is_there_for_the_next_run_of_the_same_encoder_alone(tiny_encoder, tmp_path, monkeypatch):
    def windows_encoded(**settings):
        nlp = joint(tiny_encoder, cache_dir=str(tmp_path / "cache"), **settings)
        seen = count_runs(monkeypatch)
        model_of(nlp).begin_update([nlp.make_doc(TEXT * 3)])
        return sum(seen)

    number = windows_encoded()
    assert number > 1
    assert windows_encoded() == 0
    assert windows_encoded(mix=None) == number
    assert windows_encoded(layers=1) == number
    index = next(path for path in (tmp_path / "cache").glob("*.index") if path.stat().st_size)
    index.write_bytes(index.read_bytes()[:-1])
    assert sum(windows_encoded(**s) for s in ({}, {"mix": None}, {"layers": 1})) == 1


def test_cache_is_bounded(tiny_encoder, tmp_path, caplog):
    nlp = joint(tiny_encoder, cache_dir=str(tmp_path), cache_gb=15e-6)
    for text in (TEXT * 3, TEXT * 2):
        output = model_of(nlp).begin_update([nlp.make_doc(text)])[0]
        plain = model_of(nlp).predict([nlp.make_doc(text)])
        assert torch.allclose(
            output.model_output.last_hidden_state, plain.model_output.last_hidden_state, atol=0.01
        )
    assert 0 < sum(path.stat().st_size for path in tmp_path.iterdir()) <= 15_000
    assert [record.message for record in caplog.records if "is full" in record.message]


def test_cache_refuses_what_fp16_cannot_hold(tmp_path, caplog):
    cache = FeatureCache(tmp_path, "x", 1, 2, 1.0)
    assert not cache.put(b"k" * 16, numpy.array([[[1e6, 0.0]]], dtype="f"))
    assert cache.get(b"k" * 16) is None and "fp16" in caplog.text
    assert cache.put(b"k" * 16, numpy.array([[[6e4, 0.5]]], dtype="f"))
    assert cache.get(b"k" * 16).tolist() == [[[6e4, 0.5]]]
    again = FeatureCache(tmp_path, "x", 1, 2, 1.0)
    assert again.get(b"k" * 16).tolist() == [[[6e4, 0.5]]]
    assert len(FeatureCache(tmp_path, "y", 1, 2, 1.0)) == 0


@pytest.mark.parametrize("settings", [{"frozen_layers": 1}, {"piece_masking": 0.1}, {"frozen_dropout": True}])
def test_cache_of_what_changes_is_refused(tiny_encoder, tmp_path, settings):
    with pytest.raises(InputError, match="cache_dir"):
        joint(tiny_encoder, cache_dir=str(tmp_path), **settings)
