"""Text to pretrain on: what is found, what is left out, and how it is mixed."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from spacy_slavner.corpora.docbin import write_docbin
from spacy_slavner.corpora.sources import blank_pipeline, set_origin
from spacy_slavner.errors import InputError
from spacy_slavner.pretraining import texts as module
from spacy_slavner.pretraining.blocks import Collator, Cutter, Mixture
from spacy_slavner.pretraining.download import load_base_encoder
from spacy_slavner.pretraining.masking import NEVER
from spacy_slavner.pretraining.texts import find_texts, hold_out


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {
        "cs/a.txt": "praha kniha", "cs/b.txt": "vino praha", "pl_one.txt": "brno", "cs/empty.txt": "",
    }.items():  # fmt: skip
        path = tmp_path / "text" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf8")
    return tmp_path / "text"


def test_languages_come_from_folders_and_names(folder: Path) -> None:
    texts = find_texts([folder])
    assert {k: [d.name for d in v] for k, v in texts.documents.items()} == {
        "cs": ["cs/a.txt", "cs/b.txt"], "pl": ["pl_one.txt"]
    }  # fmt: skip
    assert list(find_texts([folder], languages=["pl"]).documents) == ["pl"]
    even, by_size = texts.proportions(1e9), texts.proportions(1)
    assert even["cs"] == pytest.approx(0.5)
    assert by_size["cs"] == pytest.approx(21 / 25)


def test_bad_text(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no text in sl"):
        find_texts([folder], languages=["sl"])
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="none: the folder has no .txt files. Give"):
        find_texts([tmp_path / "none"])
    (folder / "cs" / "a.txt").write_bytes(b"praha\n" + "žena".encode("cp1250"))
    with pytest.raises(InputError, match="a.txt:2: not UTF-8. Convert"):
        find_texts([folder])


def test_documents_of_a_split_are_left_out(folder: Path, tmp_path: Path) -> None:
    nlp, split = blank_pipeline(), tmp_path / "split"
    by_name = set_origin(nlp("edited since"), source="raw/topic/cs/a.txt", doc_id="1")
    by_text = set_origin(nlp("brno"), source="raw/topic/pl/other.txt", doc_id="2")
    elsewhere = set_origin(nlp("nikdy"), source="raw/topic/pl/third.txt", doc_id="3")
    write_docbin([by_name], split / "dev.spacy")
    write_docbin([by_text, elsewhere], split / "test.spacy")
    texts = find_texts([folder], [split])
    assert {k: [d.name for d in v] for k, v in texts.documents.items()} == {"cs": ["cs/b.txt"]}
    assert (texts.left_out, texts.excluded) == (2, 3)
    with pytest.raises(InputError, match="no dev.spacy"):
        find_texts([folder], [folder])


def tree(*sentences: str) -> str:
    """Sentences as a treebank has them, full stops without a blank before."""
    lines = []
    for sentence in sentences:
        words = sentence.removesuffix(".").split()
        rows = [f"{i + 1}\t{w}\t_\tX\t_\t_\t{min(i, 1)}\tx\t_\t_" for i, w in enumerate([*words, "."])]
        rows[-2] = rows[-2].removesuffix("_") + "SpaceAfter=No"
        lines += [*rows, ""]
    return "\n".join([*lines, ""])


def test_sentences_of_a_split_are_left_out(folder: Path, tmp_path: Path) -> None:
    nlp, split = blank_pipeline(), tmp_path / "split"
    # Column files give single sentences, or documents of such, and a blank after every word.
    single, two = nlp("Praha spí . "), nlp("Vino teče . Brno mlčí .")
    for token in two:
        token.is_sent_start = token.i in (0, 3)
    write_docbin([set_origin(single, source="cs.iob2", doc_id="1")], split / "dev.spacy")
    write_docbin([set_origin(two, source="cs.iob2", doc_id="2")], split / "test.spacy")

    treebank = tmp_path / "cs_x-ud-train.conllu"
    treebank.write_text(tree("Kniha je nová.", "Praha spí.", "Brno mlčí.", "Praha."), encoding="utf8")
    texts = find_texts([treebank], [split])
    (document,) = texts.documents["cs"]
    assert document.text == "Kniha je nová. Praha. " and document.size == len(document.text.encode())
    assert (texts.left_out, texts.sentences_left_out, texts.excluded) == (0, 2, 2)
    treebank.write_text(tree("Praha spí.", "Brno mlčí."), encoding="utf8")
    with pytest.raises(InputError, match="no text, 0 documents and 2 sentences being left out"):
        find_texts([treebank], [split])

    # The lines of a file, and a file that is one of the documents.
    (folder / "cs" / "a.txt").write_text("Praha spí.\nkniha\nVino teče.", encoding="utf8")
    (folder / "cs" / "b.txt").write_text("Vino teče.\nBrno mlčí.", encoding="utf8")
    texts = find_texts([folder], [split], ["cs"])
    assert list(texts.train("cs")) == ["kniha"]
    assert (texts.left_out, texts.sentences_left_out) == (1, 2)


def test_treebanks_without_the_test_part_of_columns(tmp_path: Path, shared: Path) -> None:
    from spacy_slavner.cli.columns import CORPORA, find_file, read_sentences
    from spacy_slavner.corpora.report import Report

    columns = find_file(shared / "data/uner", "sr_set-ud-test.iob2")
    docs = read_sentences(columns, "uner_sr", CORPORA["uner_sr"], Report())
    write_docbin(docs, tmp_path / "test.spacy")
    with pytest.raises(InputError, match=f" {len(docs)} sentences being left out"):
        find_texts([shared / "data/ud/UD_Serbian-SET/sr_set-ud-test.conllu"], [tmp_path])


def test_corpora_are_read_by_their_readers(tmp_path: Path, shared: Path) -> None:
    raw = tmp_path / "corpus" / "raw" / "brexit" / "cs"
    raw.mkdir(parents=True)
    source = next(iter(sorted((shared / "data/slavicner/raw/brexit/cs").glob("*.txt"))))
    (raw / source.name).write_bytes(source.read_bytes())
    (document,) = find_texts([tmp_path / "corpus"]).documents["cs"]
    assert document.name == f"brexit/cs/{source.stem}"
    treebank = "# text = Vino\n1\tVino\t_\tX\t_\t_\t0\troot\t_\tSpaceAfter=No\n\n"
    (tmp_path / "cs_x-ud-train.conllu").write_text(treebank, encoding="utf8")
    (document,) = find_texts([tmp_path / "cs_x-ud-train.conllu"]).documents["cs"]
    assert document.text == "Vino"


def test_long_files_are_streamed_in_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHARACTERS", 10)
    (tmp_path / "cs.txt").write_text("\ufeffaaaa\nbbbb\n\ncccccc\ndd\nee\n\nff" + "\ng" * 30)
    texts = [text for _, text in find_texts([tmp_path / "cs.txt"]).documents["cs"][0].texts()]
    assert texts[0] == "aaaa\nbbbb\ncccccc\ndd\nee"
    assert "".join(texts).replace("\n", "") == "aaaabbbbccccccddeeff" + "g" * 30
    assert max(map(len, texts)) < 45


def test_held_out_text_is_not_trained_on(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"cs_{number}.txt").write_text(f"text{number}", encoding="utf8")
    texts = find_texts([tmp_path])
    hold_out(texts, 3, seed=0)
    held_out = set(texts.held_out["cs"].values())
    assert len(held_out) == 3
    assert held_out | set(texts.train("cs")) == {f"text{n}" for n in range(20)}
    assert not held_out & set(texts.train("cs", np.random.default_rng(0)))
    other = find_texts([tmp_path])
    hold_out(other, 10, seed=1)
    assert len(other.held_out["cs"]) == 4  # a fifth
    assert set(other.held_out["cs"].values()) != held_out


def test_blocks_hold_all_of_a_text(toy: Path) -> None:
    tokenizer = load_base_encoder(str(toy)).tokenizer
    text = "praha abeceda kniha vino brno " * 3
    blocks = list(Cutter(tokenizer, 10)(text, "cs"))
    ids = [i for block in blocks for i in block.ids[1:-1]]
    assert ids == tokenizer(text, add_special_tokens=False).input_ids
    assert all(len(b.ids) <= 10 and b.units[0] == b.units[-1] == NEVER for b in blocks)
    assert (blocks[0].units[1:-1] >= 0).all()
    halves = list(Cutter(tokenizer, 10, segmenters={"cs": lambda text: text.split()})(text, "cs"))
    assert [list(b.units) for b in halves] == [list(b.units) for b in blocks]
    pieces = next(Cutter(tokenizer, 10, whole_words=False)(text, "cs"))
    assert pieces.units.tolist() == [NEVER, *range(8), NEVER]


def test_the_mixture_is_endless_and_repeatable(folder: Path, toy: Path) -> None:
    tokenizer, texts = load_base_encoder(str(toy)).tokenizer, find_texts([folder])

    def first(seed: int) -> list[tuple]:
        mixture = Mixture(texts, Cutter(tokenizer, 16), 1e9, seed)
        return [tuple(block.ids) for block in islice(mixture, 400)]

    assert first(0) == first(0) != first(1)
    brno = tuple(tokenizer("brno").input_ids)
    assert first(0).count(brno) / 400 == pytest.approx(0.5, abs=0.1)


def test_a_language_of_white_space_ends_at_once(folder: Path, toy: Path) -> None:
    (folder / "pl_one.txt").write_text(" \n\t\n", encoding="utf8")
    cutter = Cutter(load_base_encoder(str(toy)).tokenizer, 16)
    with pytest.raises(InputError, match="texts in pl are empty.*--languages"):
        Mixture(find_texts([folder]), cutter, 1.0, 0)


def test_collator(toy: Path) -> None:
    tokenizer = load_base_encoder(str(toy)).tokenizer
    blocks = [next(Cutter(tokenizer, 16)(text, "cs")) for text in ("praha", "praha kniha vino")]
    batch = Collator(tokenizer, seed=0, rate=1.0)(blocks)
    assert batch["attention_mask"].sum(1).tolist() == [3, 5]
    assert batch["labels"][0].tolist() == [-100, tokenizer("praha").input_ids[1], -100, -100, -100]
    assert batch["input_ids"][0, 3:].tolist() == [tokenizer.pad_token_id] * 2
    assert not set(Collator(tokenizer, 0).replacements) & set(tokenizer.all_special_ids)
