"""Files below a folder."""

from pathlib import Path

from spacy_slavner.files import files_below


def test_links_are_followed_once_and_hidden_files_left_out(tmp_path: Path) -> None:
    for name in ("a/b/2.txt", "a/1.txt", "a/1.tsv", "a/.hidden.txt", "a/.git/3.txt", "elsewhere/4.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "a/link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "a/b/back").symlink_to(tmp_path / "a")
    (tmp_path / "a/file.txt").symlink_to(tmp_path / "elsewhere/4.txt")
    (tmp_path / "a/gone.txt").symlink_to(tmp_path / "nowhere")
    found = [path.relative_to(tmp_path).as_posix() for path in files_below(tmp_path / "a", "*.txt")]
    assert found == ["a/1.txt", "a/b/2.txt", "a/file.txt", "a/link/4.txt"]
    assert files_below(tmp_path / "nowhere") == []
    assert [path.name for path in files_below(str(tmp_path / "a"))][:2] == ["1.tsv", "1.txt"]
