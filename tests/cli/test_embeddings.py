"""Commands that make word vectors of two languages, and training with what they write."""

from pathlib import Path

import numpy as np
import pytest
import spacy

from spacy_slavner.cli.train import train
from spacy_slavner.corpora.docbin import read_docs
from spacy_slavner.corpora.sources import blank_pipeline
from spacy_slavner.crosslingual.embeddings import Embeddings, read_embeddings, write_embeddings
from spacy_slavner.errors import InputError
from spacy_slavner.evaluation.metrics import find_metrics, read_metrics
from spacy_slavner.evaluation.report import collect_results, read_records
from spacy_slavner.training.config import merge_config, read_recipe

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "crosslingual_bilstm_crf.cfg"


@pytest.fixture(scope="module")
def languages(corpus, tmp_path_factory) -> Path:
    """Vectors of Czech words and of the same with a prefix, and the dictionary of both."""
    folder, rng = tmp_path_factory.mktemp("vectors"), np.random.default_rng(0)
    docs = [d for d in read_docs(corpus / "train.spacy", blank_pipeline().vocab) if d._.language == "cs"]
    words = list(dict.fromkeys(t.lower_ for doc in docs for t in doc if t.is_alpha))[:300]
    vectors = rng.normal(size=(len(words), 8)).astype("float32")
    turned = vectors @ np.linalg.qr(rng.normal(size=(8, 8)))[0]
    write_embeddings(Embeddings(words, vectors), folder / "cs.vec")
    write_embeddings(Embeddings([f"x{word}" for word in words], turned), folder / "xx.vec")
    lines = "".join(f"{word}\tx{word}\n" for word in words[:100])
    (folder / "cs-xx.txt").write_text(lines, encoding="utf-8")
    return folder


def test_align_and_coverage_leave_a_record_for_the_report(languages, corpus, run, tmp_path, monkeypatch):
    said = ["slavner", "vectors-coverage", "my vectors", "dev.spacy"]
    monkeypatch.setattr("sys.argv", ["spacy", *said])
    joint, record = tmp_path / "joint", tmp_path / "metrics.json"
    output = run(
        "vectors-align", languages / "cs.vec", languages / "xx.vec", languages, joint,
        "--from", "cs", "--to", "xx", "--metrics", record, "--note", "random",
    )  # fmt: skip
    assert "precision@1: 1.000 (20 held-out words of cs-xx)" in output and "MB in memory" in output
    both = 2 * len(read_embeddings(languages / "cs.vec"))
    assert len(read_embeddings(joint, 0)) == both > 200
    run("vectors-coverage", joint, corpus / "dev.spacy", "--metrics", record, "--name", "dev")
    run("vectors-coverage", joint, corpus / "dev.spacy", "--metrics", record, "--name", "cs", "-l", "cs")
    with pytest.raises(InputError, match="no words in de"):
        run("vectors-coverage", joint, corpus / "dev.spacy", "-l", "de")
    section = collect_results(read_records(find_metrics([record])))["crosslingual"]
    assert section == read_metrics(record)["crosslingual"]
    aligned = section["alignment"]["cs-xx, random"]
    assert aligned["precision@5"] == 1.0 and aligned["words"]["joint"] == both
    assert "command" not in aligned
    command = section["unknown words"]["dev"]["command"]
    assert command == "python -m spacy_slavner vectors-coverage 'my vectors' dev.spacy"
    of_all, of_one = (section["unknown words"][name] for name in ("dev", "cs"))
    assert 0 < of_one["types"] < of_all["types"] < 1 and of_one["n_tokens"] < of_all["n_tokens"]
    assert 0 < aligned["coverage"] <= 1 and "words in the dictionary (" in output


def test_bad_input_is_one_error(languages, run, tmp_path):
    files = [languages / "cs.vec", languages / "xx.vec", languages, tmp_path / "out"]
    with pytest.raises(InputError, match="no dictionary of 'cs' and 'en'"):
        run("vectors-align", *files, "--from", "cs", "--to", "sl")
    with pytest.raises(InputError, match="only 0 are among"):
        run("vectors-align", files[1], *files[1:], "--from", "cs", "--to", "xx")
    assert not (tmp_path / "out").exists()


def test_vectors_of_text_and_of_an_encoder(run, tiny_encoder, tmp_path):
    pytest.importorskip("floret")
    (tmp_path / "cs.txt").write_text("Kočka pije mléko .\nPes pije vodu .\n" * 5, encoding="utf-8")
    one, two = tmp_path / "one.vec", tmp_path / "two.vec"
    options = ["-l", "cs", "--width", 6, "--epochs", 1]
    output = run("vectors-train", one, tmp_path / "cs.txt", *options)
    assert "of 40 running words" in output
    default = read_embeddings(one).vectors
    run("vectors-train", one, tmp_path / "cs.txt", *options, "--buckets", 1000)
    assert (read_embeddings(one).vectors != default).any()
    run("vectors-encoder", two, one, "--encoder", tiny_encoder)
    assert read_embeddings(one).words == read_embeddings(two).words and read_embeddings(two).width == 24


def test_one_floret_table_of_several_languages(run, tmp_path):
    pytest.importorskip("floret")
    for language, word in (("cs", "Kočka"), ("pl", "Kotka")):
        (tmp_path / f"{language}.txt").write_text(f"{word} pije .\n" * 5, encoding="utf-8")
    texts = [tmp_path / "cs.txt", tmp_path / "pl.txt"]
    options = ["--language", "cs,pl", "--width", 6, "--epochs", 1]
    with pytest.raises(InputError, match="several languages"):
        run("vectors-train", tmp_path / "joint.vec", *texts, *options)
    assert "of 30 running words of cs,pl" in run("vectors-train", tmp_path / "joint.floret", *texts, *options)


def test_texts_that_are_measured_with_teach_no_vectors(corpus, run, tmp_path):
    pytest.importorskip("floret")
    test = [d for d in read_docs(corpus / "test.spacy", blank_pipeline().vocab) if d._.language == "cs"]
    options = ["-l", "cs", "--width", 2, "--epochs", 1, "--min-count", 1]
    # Folders of splits that a run joins are named together, before there is a folder of both.
    both = corpus.with_name(f"{corpus.name}+{corpus.name}")
    texts = [corpus / "train.spacy", corpus / "test.spacy"]
    output = run(
        "vectors-train",
        tmp_path / "cs.vec",
        *texts,
        *options,
        "--without",
        both,
        "-m",
        tmp_path / "metrics.json",
    )
    learnt = set(read_embeddings(tmp_path / "cs.vec").words)
    train = [d for d in read_docs(texts[0], blank_pipeline().vocab) if d._.language == "cs"]
    own, other = ({t.lower_ for doc in docs for t in doc if t.is_alpha} for docs in (train, test))
    assert own <= learnt and other - own and not (other - own) & learnt
    record = read_metrics(tmp_path / "metrics.json")["crosslingual"]["texts"]["cs"]
    assert record["left_out"] == len(test) and record["running"] >= record["words"] == len(learnt)
    assert f"{len(test)} documents that are measured with were left out" in output


def test_the_config_trains_with_both_languages_words(languages, corpus, run, tmp_path):
    joint = tmp_path / "joint"
    run(
        "vectors-align", languages / "cs.vec", languages / "xx.vec", languages, joint,
        "--from", "cs", "--to", "xx",
    )  # fmt: skip
    overrides = {
        "paths.train": str(corpus / "train.spacy"),
        "paths.dev": str(corpus / "dev.spacy"),
        "paths.vectors": str(joint),
        "paths.dictionary": str(languages),
        "system.source_language": "cs",
        "system.target_language": "xx",
        "training.max_steps": 2,
        "training.batcher.size": 2,
        "corpora.train.corpus.limit": 4,
        "corpora.dev.limit": 2,
    }
    small = {f"components.crf_ner.model.tok2vec.{name}": 4 for name in ("hidden", "embed.characters.hidden")}
    for name, settings in (("long", {}), ("short", read_recipe(CONFIG, "short"))):
        train(merge_config(CONFIG, settings | overrides | small), tmp_path / name)
        nlp = spacy.load(tmp_path / name / "model-last")
        assert nlp.vocab.vectors.shape == (len(read_embeddings(joint, 0)), 8)
        doc = nlp("Praha leží v Čechách.")
        assert doc.text == "Praha leží v Čechách."
        # Known, not guessed, as it was in training.
        assert (doc._.language, doc._.language_score) == ("xx", None)
        again = spacy.load(tmp_path / name / "model-best")
        assert nlp("Brno.").to_json() == again("Brno.").to_json()
