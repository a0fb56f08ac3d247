"""Reading annotation files leniently, and checking them strictly."""

import pytest

from spacy_slavner.errors import InputError
from spacy_slavner.evaluation.bsnlp import Mention
from spacy_slavner.evaluation.consistency import check_folder
from spacy_slavner.evaluation.layout import compare_keys, read_folder


@pytest.fixture
def write(tmp_path):
    """Write one annotation file and return the root of its folder."""

    def write_file(content: str | bytes, name: str = "1.txt.out", topic: str = "brexit"):
        path = tmp_path / "root" / topic / "cs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return tmp_path / "root"

    return write_file


def test_reads_mentions_and_counts_what_it_ignores(write, tmp_path):
    root = write(
        "\ufeff\r\n cs-1 \r\n Praha \tPraha\tloc\tGPE-Prague\r\nPrahy\tPraha\tLOC\r\n\r\n"
        "Brno\tLOC\r\nX\tX\tMISC\tX\r\n"
    )
    (root / "README.md").write_text("nothing of ours")
    folder = read_folder(root)
    (document,) = folder.documents
    assert document.key == ("brexit", "cs", "cs-1")
    assert document.mentions == [
        Mention("Praha", "Praha", "LOC", "GPE-Prague"),
        Mention("Prahy", "Praha", "LOC", "-1"),
    ]
    warnings = "\n".join(folder.warnings())
    assert sorted(folder.ignored.values()) == [1, 1, 1]
    assert "fewer than 3 fields: 1" in warnings and "1.txt.out:6)" in warnings
    assert "type is none of PER" in warnings
    assert "README.md" in warnings


def test_only_line_feeds_end_a_line(write):
    folder = read_folder(write("cs-1\nA\u2028B\tA\x0bB\tORG\tx\n"))
    assert folder.documents[0].mentions == [Mention("A\u2028B", "A\x0bB", "ORG", "x")]


def test_repeated_and_blank_documents_are_reported(write):
    write("cs-1\nPraha\tPraha\tLOC\t1\n")
    write("cs-1\nBrno\tBrno\tLOC\t2\n", "2.txt.out")
    folder = read_folder(write("\n\n", "3.txt.out"))
    assert len(folder.documents) == 2
    assert any("repeat" in warning for warning in folder.warnings())
    assert any("without a document id" in warning for warning in folder.warnings())


def test_bad_folders(write, tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        read_folder(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="<topic>/<language>"):
        read_folder(tmp_path / "empty")
    with pytest.raises(InputError, match=r"1\.txt\.out:2: The file is not UTF-8"):
        read_folder(write("cs-1\nДума\tДума\tORG\t1\n".encode("cp1251")))


def test_documents_on_one_side_are_reported(write, tmp_path):
    write("cs-1\n")
    gold = read_folder(write("cs-2\n", "2.txt.out"))
    system = read_folder(write("cs-1\n"))
    system.documents = [d for d in system.documents if d.doc_id == "cs-1"]
    assert any("system lacks" in w and "cs-2" in w for w in compare_keys(gold, system, tmp_path))
    assert any("not in the reference" in w for w in compare_keys(system, gold, tmp_path))
    system.documents[0].topic = "other"
    with pytest.raises(InputError, match="No document"):
        compare_keys(gold, system, tmp_path)


@pytest.mark.parametrize(
    "content, findings",
    [
        ("cs-1\nPraha\tPraha\tLOC\tGPE-Prague\n", []),
        ("cs 1\n", ["ERROR:1"]),
        ("cs-1\tx\n", ["ERROR:1"]),
        ("", ["ERROR:1"]),
        ("cs-1\nPraha\tPraha\tLOC\n", ["ERROR:2"]),
        ("cs-1\nPraha\tPraha\tLOC\t\n", ["ERROR:2"]),
        ("cs-1\nPraha\t\tLOC\t1\n", ["ERROR:2"]),
        ("cs-1\nPraha\tPraha\tLOC\t1\t2\n", ["ERROR:2"]),
        ("cs-1\nPraha\tPraha\tCITY\t1\n", ["ERROR:2"]),
        ("\ncs-1\n\nPraha\tPraha\tLOC\t1\n", ["WARNING:1", "WARNING:3"]),
        ("cs-1\nPraha\tPraha\tLOC\t1\nPraha\tPraha\tORG\t2\n", ["WARNING:3"]),
    ],
)
def test_consistency_check(write, content, findings):
    files, counts, found = check_folder(write(content))
    assert files == 1
    assert [f"{finding.level}:{finding.line}" for finding in found] == findings
    assert sum(counts.values()) == len(findings)


def test_the_golden_folder_has_no_error(shared):
    files, counts, _ = check_folder(shared / "data" / "evaluator" / "golden")
    assert files > 200
    assert counts["ERROR"] == 0
