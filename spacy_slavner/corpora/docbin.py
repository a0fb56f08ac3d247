"""spaCy's DocBin files, with the custom attributes of this package."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab
from srsly.msgpack import Packer

from ..attributes import set_attributes
from ..errors import InputError
from ..files import files_below, whole_file


def docbin_files(path: Path | str) -> list[Path]:
    """List the DocBin files that a path names.

    path (Path | str): A .spacy file, or a folder with such files in it or below.
    RETURNS (list[Path]): The files, sorted.
    RAISES (InputError): If there are none.
    """
    path = Path(path)
    if path.is_file():
        return [path]
    files = files_below(path, "*.spacy") if path.is_dir() else []
    if not files:
        what = "The folder has no .spacy file" if path.is_dir() else "There is no such file"
        raise InputError(what, path=path, remedy="Make one with `python -m spacy_slavner convert`")
    return files


def read_docbin(path: Path | str) -> DocBin:
    """Load one DocBin file.

    path (Path | str): The file.
    RETURNS (DocBin): Its documents, not unpacked yet.
    RAISES (InputError): If it is no DocBin or damaged.
    """
    try:
        data = Path(path).read_bytes()
        return DocBin(store_user_data=True).from_bytes(data)
    except OSError as error:
        raise InputError(f"The file cannot be read ({error.strerror})", path=path) from error
    except Exception as error:  # zlib, msgpack and numpy each raise their own kinds
        raise InputError(
            f"The file is no DocBin, or it is truncated ({type(error).__name__})",
            path=path,
            remedy="Convert the corpus again",
        ) from error


def read_docs(path: Path | str, vocab: Vocab) -> Iterator[Doc]:
    """Read documents from DocBin files.

    path (Path | str): A .spacy file or a folder with such files.
    vocab (Vocab): The vocabulary that the documents share.
    YIELDS (Doc): The documents, with their custom attributes.
    RAISES (InputError): If there is no such file, or one is damaged.
    """
    set_attributes()
    for file in docbin_files(path):
        docs = read_docbin(file).get_docs(vocab)
        while True:
            try:
                doc = next(docs)
            except StopIteration:
                break
            except Exception as error:
                raise InputError(
                    f"A document of the DocBin is damaged ({type(error).__name__})",
                    path=file,
                    remedy="Convert the corpus again",
                ) from error
            yield doc


# Columns of zeros cost time and memory, so documents without trees and lemmas do without.
NAME_ATTRIBUTES = ("ORTH", "SENT_START", "ENT_IOB", "ENT_TYPE", "ENT_KB_ID")
ALL_ATTRIBUTES = (*NAME_ATTRIBUTES, "ENT_ID", "LEMMA", "POS", "TAG", "MORPH", "HEAD", "DEP")


def pack(docs: Iterable[Doc], attributes: Sequence[str] = ALL_ATTRIBUTES) -> DocBin:
    """Put documents into a DocBin.

    docs (Iterable[Doc]): The documents.
    attributes (Sequence[str]): The token attributes to keep.
    RETURNS (DocBin): The documents, with custom attributes.
    """
    docbin = DocBin(attrs=attributes, store_user_data=True)
    for doc in docs:
        add_doc(docbin, doc)
    return docbin


def add_doc(docbin: DocBin, doc: Doc) -> None:
    """Do what `DocBin.add` does, but with one packer of user data for all documents.

    srsly's `msgpack_dumps` looks through all installed packages' entry points each time, which for short
    documents takes longer than all the rest.

    docbin (DocBin): A DocBin that stores user data.
    doc (Doc): The document.
    """
    docbin.store_user_data = False
    try:
        docbin.add(doc)
    finally:
        docbin.store_user_data = True
    docbin.user_data.append(_packer().pack(doc.user_data))


@cache
def _packer() -> Packer:
    return Packer(use_bin_type=True)


def write_docbin(docs: Iterable[Doc] | DocBin, path: Path | str) -> int:
    """Write a DocBin file, whole or not at all.

    docs (Iterable[Doc] | DocBin): The documents.
    path (Path | str): The file.
    RETURNS (int): How many documents were written.
    """
    docbin = docs if isinstance(docs, DocBin) else pack(docs)
    with whole_file(path) as temporary:
        docbin.to_disk(temporary)
    return len(docbin)
