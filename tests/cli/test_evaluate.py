"""The commands that use a pipeline: evaluate, annotate and try."""

import json
import shutil
from time import sleep

import pytest

from spacy_slavner.cli.evaluate import evaluate
from spacy_slavner.corpora.docbin import read_docs, write_docbin
from spacy_slavner.corpora.sources import blank_pipeline
from spacy_slavner.errors import InputError
from spacy_slavner.evaluation.consistency import check_folder
from spacy_slavner.evaluation.metrics import read_metrics
from spacy_slavner.evaluation.published import published


def test_evaluate_prints_and_records_everything(run, ruler, corpus, tmp_path):
    path = tmp_path / "metrics.json"
    output = run("evaluate", ruler, corpus / "dev.spacy", "--metrics", path)
    assert "words per second" in output and "LEA" in output
    run("evaluate", ruler, corpus / "test.spacy", "--metrics", path, "--part", "final")
    record = read_metrics(path)
    assert (record["info"]["corpus"], record["info"]["split"]) == ("sample", "sample")
    assert sorted(record["results"]) == ["dev", "final"]
    assert {"span", "word", "bsnlp", "language", "words_per_second"} <= set(record["results"]["dev"])


def test_record_begins_with_that_of_the_training_run(run, ruler, corpus, tmp_path):
    first, path = tmp_path / "run.json", tmp_path / "metrics.json"
    base = {"info": {"system": "s", "split": "p", "seed": 3}, "learning_curve": [{"step": 1}]}
    first.write_text(json.dumps(base))
    parts = [corpus / f"{part}.spacy" for part in ("dev", "test")]
    run("evaluate", ruler, *parts, "--metrics", path, "--run", first)
    record = read_metrics(path)
    assert record["learning_curve"] == [{"step": 1}] and sorted(record["results"]) == ["dev", "test"]
    # Another run: the scores of the one before are not its own.
    base["info"]["seed"] = 4
    first.write_text(json.dumps(base))
    output = run("evaluate", ruler, corpus / "dev.spacy", "--metrics", path, "--run", first)
    assert sorted(read_metrics(path)["results"]) == ["dev"] and "not kept" in output


def test_pipeline_is_known_by_the_record_beside_it_or_by_its_system(run, ruler, corpus, tmp_path):
    """Not by its seed, which other systems have too."""
    folder = tmp_path / "training/slavner/auto/0"
    shutil.copytree(ruler, folder / "model-last")
    path = tmp_path / "metrics.json"
    run("evaluate", folder / "model-last", corpus / "dev.spacy", "--metrics", path)
    assert read_metrics(path)["info"]["system"] == "auto"  # it was not trained on the split auto
    config = folder / "model-last/config.cfg"
    config.write_text(config.read_text().replace("train = null", 'train = "corpus/auto/train.spacy"', 1))
    path.unlink()
    run("evaluate", folder / "model-last", corpus / "dev.spacy", "--metrics", path)
    assert read_metrics(path)["info"]["system"] == "slavner"
    own = {"info": {"system": "s", "split": "p", "seed": 3}, "learning_curve": [{"step": 1}], "results": {}}
    (folder / "metrics.json").write_text(json.dumps(own))
    run("evaluate", folder / "model-last", corpus / "dev.spacy", "--metrics", path)
    record = read_metrics(path)
    assert record["info"] == own["info"] and record["learning_curve"] and list(record["results"]) == ["dev"]


def test_one_name_for_two_corpora_is_an_error(run, ruler, corpus, tmp_path):
    shutil.copy(corpus / "test.spacy", tmp_path)
    for arguments in (
        (corpus / "dev.spacy", corpus / "test.spacy", "--part", "x"),
        (corpus / "test.spacy", tmp_path / "test.spacy"),
    ):
        with pytest.raises(InputError, match="one by one"):
            run("evaluate", ruler, *arguments)


def test_what_was_published_without_a_language_is_scored_without_it_as_well(run, ruler, corpus, tmp_path):
    shutil.copy(corpus / "test.spacy", tmp_path)
    (tmp_path / "corpus.json").write_text('{"corpus": "slavicner", "split": "bsnlp2021"}')
    path = tmp_path / "metrics.json"
    output = run("evaluate", ruler, tmp_path / "test.spacy", "--metrics", path)
    whole, rest = (read_metrics(path)["results"][part] for part in ("test", "test_without_uk"))
    assert "without uk" in output and "rest" not in whole
    assert set(whole["span"]["by_language"]) - set(rest["span"]["by_language"]) == {"uk"}
    for language, scores in rest["bsnlp"]["by_language"].items():
        assert scores == whole["bsnlp"]["by_language"][language]
    keys = {"test": "bsnlp2021_test", "test_without_uk": "bsnlp2021_test_without_uk"}
    (tilde,), (same,) = (published(key)["slavner"] for key in keys.values())
    assert tilde.f1 == same.f1 == {"RPM": 83.8, "REM": 77.9, "SM": 77.1}


def test_speed_is_that_from_the_text(ruler, corpus):
    import spacy

    nlp = spacy.load(ruler)
    tokenizer = nlp.tokenizer

    def slow(text):
        sleep(0.02)
        return tokenizer(text)

    nlp.tokenizer = slow
    result = evaluate(nlp, corpus / "dev.spacy")
    assert result["seconds"] > 0.02 * result["documents"]


def test_language_is_told_only_on_request(run, ruler, corpus, tmp_path):
    path = tmp_path / "metrics.json"
    run("evaluate", ruler, corpus / "dev.spacy", "--metrics", path, "--part", "guessed")
    run("evaluate", ruler, corpus / "dev.spacy", "--metrics", path, "--part", "told", "--gold-language")
    results = read_metrics(path)["results"]
    assert results["guessed"]["language"]["accuracy"] == 0
    assert results["told"]["language"]["accuracy"] == 1


def test_settings_can_be_changed_and_are_recorded(run, ruler, corpus, tmp_path):
    path = tmp_path / "metrics.json"
    run("evaluate", ruler, corpus / "dev.spacy", "--metrics", path, "--set", "nlp.batch_size=3")
    assert read_metrics(path)["results"]["dev"]["overrides"] == {"nlp.batch_size": 3}


@pytest.mark.parametrize(
    "text, what", [("", "no words to measure"), ("Nic se nestalo.", "no names to measure")]
)
def test_nothing_to_measure_is_no_zero(run, ruler, tmp_path, text, what):
    doc = blank_pipeline().make_doc(text)
    doc.set_ents([], default="outside")
    doc._.language = None if text else "cs"
    write_docbin([doc], tmp_path / "dev.spacy")
    output = run("evaluate", ruler, tmp_path / "dev.spacy", "--metrics", tmp_path / "metrics.json")
    assert what in output and "0.00" not in output
    result = read_metrics(tmp_path / "metrics.json")["results"]["dev"]
    assert [result[name] for name in ("span", "word", "bsnlp", "language")] == [None] * 4


@pytest.fixture(scope="module")
def linker(corpus, tmp_path_factory):
    """A pipeline that learns base forms and links from the sample, and finds names by a list."""
    import spacy
    from spacy.training import Example

    nlp = blank_pipeline()
    docs = list(read_docs(corpus / "train.spacy", nlp.vocab))
    forms = {(ent.label_, ent.text) for doc in docs for ent in doc.ents}
    patterns = [{"label": label, "pattern": form} for label, form in sorted(forms)]
    nlp.add_pipe("entity_ruler").add_patterns(patterns)
    nlp.add_pipe("name_normalizer", config={"methods": ["memory"], "certainty": 1.0})
    nlp.add_pipe("name_linker")
    for name in ("name_normalizer", "name_linker"):
        nlp.get_pipe(name).initialize(lambda: [Example(nlp.make_doc(doc.text), doc) for doc in docs])
    folder = tmp_path_factory.mktemp("linker")
    nlp.to_disk(folder)
    return spacy.load(folder)


def test_base_forms_and_links_of_annotated_names(run, linker, corpus, tmp_path):
    path = tmp_path / "metrics.json"
    linker.to_disk(tmp_path / "pipeline")
    output = run("evaluate", tmp_path / "pipeline", corpus / "train.spacy", "--metrics", path)
    assert "Annotated names' base forms" in output and "of that time" in output
    oracle = read_metrics(path)["results"]["train"]["oracle"]
    assert list(oracle) == ["base_forms", "links", "seconds"]
    assert list(oracle["seconds"]) == ["base_forms", "links"]
    docs = list(read_docs(corpus / "train.spacy", linker.vocab))
    names = sum(len(doc.ents) for doc in docs)
    assert oracle["base_forms"]["overall"]["names"] == names > 0
    # The baseline takes an uncertain base form too, and training has seen every form.
    assert oracle["base_forms"]["overall"]["look_up"] >= oracle["base_forms"]["overall"]["accuracy"]
    assert "new form" not in oracle["base_forms"]["by_kind"]
    assert oracle["links"]["overall"]["look_up"] > 0.5
    assert set(oracle["links"]["by_language"]) == {doc._.language for doc in docs if doc.ents}


def test_only_what_the_pipeline_does_is_measured(run, ruler, linker, corpus, tmp_path):
    path = tmp_path / "metrics.json"
    with linker.select_pipes(disable="name_normalizer"):
        assert list(evaluate(linker, corpus / "test.spacy")["oracle"]) == ["links", "seconds"]
    with linker.select_pipes(disable="name_linker"):
        assert list(evaluate(linker, corpus / "test.spacy")["oracle"]) == ["base_forms", "seconds"]
    run("evaluate", ruler, corpus / "test.spacy", "--metrics", path)
    assert "oracle" not in read_metrics(path)["results"]["test"]


@pytest.fixture
def raw(tmp_path):
    """Raw documents: with a header, without one, and an empty one."""
    folder = tmp_path / "raw"
    texts = {
        "cs/a.txt": "cs-1\ncs\n2020-01-01\nhttp://example.org\nV Brně\n\nBrno vítá hosty Evropské komise.",
        "bg/b.txt": "Пловдив е град.",
        "bg/c.txt": "",
    }
    for name, text in texts.items():
        path = folder / "topic" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def test_annotate_writes_what_check_accepts(run, ruler, raw, tmp_path):
    out = tmp_path / "out"
    (raw / "topic/notes.md").write_text("Brno")
    output = " ".join(run("annotate", ruler, raw, out).split())
    assert "3 documents" in output and "LOC 3" in output and "1 files that are not *.txt" in output
    assert (out / "topic/cs/a.txt.out").read_text(encoding="utf-8").splitlines() == [
        "cs-1",
        "Brně\tBrně\tLOC\tLOC-brně",
        "Brno\tBrno\tLOC\tLOC-brno",
        "Evropské komise\tEvropské komise\tORG\tORG-evropské-komise",
    ]
    files, levels, findings = check_folder(out)
    assert files == 3 and not levels["ERROR"], findings


def test_annotate_check_and_score_a_flat_folder(run, linker, sample, tmp_path):
    linker.to_disk(tmp_path / "pipeline")
    for part in ("raw", "annotated"):
        (tmp_path / "flat" / part).mkdir(parents=True)
        for path in (sample / part).glob("b*/*/*"):
            shutil.copy(path, tmp_path / "flat" / part)
    run("annotate", tmp_path / "pipeline", tmp_path / "flat/raw", tmp_path / "system")
    files = len(list((tmp_path / "flat/raw").iterdir()))
    assert files and f"{files} files, 0 errors" in run("check", tmp_path / "system")
    run("convert", tmp_path / "flat", tmp_path / "gold", "--from", "bsnlp", "--to", "bsnlp", "--n-process", 1)
    output = run("score", tmp_path / "gold", tmp_path / "system", "--json", tmp_path / "scores.json")
    assert "Warning" not in output
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["overall"]["SM"]["f"] > 0.5 and list(scores["by_topic"]) == ["no_topic"]
    assert list(scores["by_language"]) == ["bg", "cs", "pl", "ru", "sl", "uk"]


@pytest.mark.parametrize(
    "file, place",
    [("cs/a.txt", "no_topic/cs"), ("brexit/a.txt", "brexit/xx"), ("brexit/x/cs/a.txt", "brexit/cs")],
)
def test_annotate_makes_the_layout_of_other_folders(run, ruler, tmp_path, file, place):
    path = tmp_path / "raw" / file
    path.parent.mkdir(parents=True)
    path.write_text("V Brně.")
    run("annotate", ruler, tmp_path / "raw", tmp_path / "out")
    assert (tmp_path / "out" / place / "a.txt.out").read_text() == "a\nBrně\tBrně\tLOC\tLOC-brně\n"


def test_annotate_takes_no_short_word_for_a_header(run, ruler, tmp_path):
    path = tmp_path / "raw/topic/cs/a.txt"
    path.parent.mkdir(parents=True)
    path.write_text("Brno!\nale\n\nBrno\nV Brně", encoding="utf-8")
    run("annotate", ruler, tmp_path / "raw", tmp_path / "out")
    names = (tmp_path / "out/topic/cs/a.txt.out").read_text(encoding="utf-8").splitlines()
    assert [name.split("\t")[0] for name in names] == ["a", "Brno", "Brně"]


@pytest.mark.parametrize("folder, language", [("cs", "cs"), ("inbox", "bg")])
def test_annotate_believes_the_folder_before_the_header(run, ruler, tmp_path, folder, language):
    """The same in the file's place as for the pipeline."""
    import spacy

    from spacy_slavner.cli.annotate import annotate

    path = tmp_path / "raw/topic" / folder / "a.txt"
    path.parent.mkdir(parents=True)
    path.write_text("bg-1\nbg\n2020-01-01\n\nBrno", encoding="utf-8")
    nlp, seen = spacy.load(ruler), []
    spacy.Language.component(f"listen_{folder}", func=lambda doc: seen.append(doc._.language) or doc)
    nlp.add_pipe(f"listen_{folder}")
    annotate(nlp, tmp_path / "raw", tmp_path / "out")
    assert seen == [language] and (tmp_path / "out/topic" / language / "a.txt.out").is_file()


def test_annotate_replaces_nothing_unasked(run, ruler, raw, tmp_path):
    out = tmp_path / "out"
    run("annotate", ruler, raw, out)
    with pytest.raises(InputError, match="--force"):
        run("annotate", ruler, raw, out)
    run("annotate", ruler, raw, out, "--force")


@pytest.mark.parametrize(
    "settings, ids",
    [
        ([], {"pl": "PER-Boris-Johnson", "ru": "PER-Boris-Dzhonson"}),
        (["--set", "components.name_linker.scope=corpus"], dict.fromkeys(("pl", "ru"), "PER-Boris-Johnson")),
    ],
)
def test_annotate_links_by_document_or_over_the_corpus(run, tmp_path, settings, ids):
    forms = {"pl": "Boris Johnson", "ru": "Борис Джонсон"}
    nlp = blank_pipeline()
    patterns = [{"label": "PER", "pattern": form} for form in forms.values()]
    nlp.add_pipe("entity_ruler").add_patterns(patterns)
    nlp.add_pipe("name_linker")
    nlp.to_disk(tmp_path / "pipeline")
    for language, form in forms.items():
        (tmp_path / "raw/topic" / language).mkdir(parents=True)
        (tmp_path / "raw/topic" / language / "a.txt").write_text(f"{form} 2019", encoding="utf-8")
    run("annotate", tmp_path / "pipeline", tmp_path / "raw", tmp_path / "out", *settings)
    found = {language: (tmp_path / f"out/topic/{language}/a.txt.out").read_text("utf-8") for language in ids}
    assert found == {
        language: f"a\n{form}\t{form}\tPER\t{ids[language]}\n" for language, form in forms.items()
    }


def test_annotate_without_documents_is_an_error(run, ruler, tmp_path):
    with pytest.raises(InputError, match="no raw documents"):
        run("annotate", ruler, tmp_path / "nothing", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_try_shows_names_of_the_six_texts(run, ruler, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the texts come with the package, not with a checkout
    output = run("try", ruler)
    assert "4 names in 6 texts" in output and "Европейската комисия" in output
    # An empty text is one of the user's own, too.
    assert "0 names in 1 texts" in run("try", ruler, "--text", "")


@pytest.mark.parametrize("name", ["no_such_pipeline", "."])
def test_missing_pipeline_is_one_clear_error(run, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="pipeline") as missing:
        run("try", name, "--text", "Brno")
    assert ("pip install packages/" in str(missing.value)) == (name != ".")
