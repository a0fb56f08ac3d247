"""Train UDPipe 1 models from Universal Dependencies treebanks: lemmas and features, no parser."""

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from ..errors import InputError
from ..files import files_below, whole_file

# Treebanks are held out for testing by name: parallel ones, whose text is the same in every language.
TEST_TREEBANKS = ("PUD",)
# Readings of an unknown word. Training and reading take time with their cube: fewer than by default (8, 6).
_GUESSER = "guesser_suffix_rules_1=6;guesser_enrich_dictionary_1=4"
# Words of a file that are looked at to see whether it is annotated.
_LOOK = 100
# A model writes the length of a word into one byte.
LONGEST = 255


def treebank_files(folder: Path, language: str) -> tuple[list[Path], list[Path]]:
    """Find the files of a language.

    folder (Path): A folder with treebanks UD_<Language>-<Name>/ in it, or .conllu files.
    language (str): ISO 639-1 code, with which the names of the files begin.
    RETURNS (tuple[list[Path], list[Path]]): Files to train on, and to test on: those of a parallel treebank,
        else those named "test". A treebank without a training file is trained on with its dev file, and files
        without parts of speech are left out.
    RAISES (InputError): If there are none to train on.
    """
    files = [
        path
        for path in files_below(folder, "*.conllu")
        if f"{language}_" in path.name or f"-{language}-" in path.name
    ]
    parallel = [path for path in files if any(f"-{name}" in path.parent.name for name in TEST_TREEBANKS)]
    own = [path for path in files if path not in parallel]
    train = [path for path in own if "test" not in path.name and _tagged(path)]
    if not train:
        raise InputError(
            f"There is no treebank of language {language!r} to train on",
            path=folder,
            remedy="Give the folder with the UD treebanks (universaldependencies.org)",
        )
    return train, parallel or [path for path in own if "test" in path.name]


def _tagged(path: Path) -> bool:
    """Whether a file has parts of speech: of old treebanks some parts have lemmas alone."""
    with path.open(encoding="utf8") as file:
        rows = (line.split("\t") for line in file if line[:1].isdigit())
        return any(len(row) > 3 and row[3] != "_" for row in islice(rows, _LOOK))


def read_sentences(paths: Iterable[Path]):
    """Read CoNLL-U files for UDPipe, without the tags that treebanks have each in a way of their own (XPOS).

    paths (Iterable[Path]): The files.
    RETURNS (ufal.udpipe.Sentences): Their sentences.
    RAISES (InputError): If a file is not CoNLL-U.
    """
    from ufal.udpipe import InputFormat, ProcessingError, Sentence, Sentences

    result = Sentences()
    for path in paths:
        reader, error = InputFormat.newConlluInputFormat(), ProcessingError()
        reader.setText(path.read_text(encoding="utf8"))
        sentence = Sentence()
        while reader.nextSentence(sentence, error):
            for word in sentence.words:
                word.xpostag = ""
            result.append(sentence)
            sentence = Sentence()
        if error.occurred():
            raise InputError(f"The file is not CoNLL-U ({error.message})", path=path)
    return result


def train_udpipe(folder: Path, out: Path, language: str, iterations: int = 5) -> dict[str, float]:
    """Train a model and write it to <out>/<language>.udpipe.

    folder (Path): The folder with the treebanks.
    out (Path): The folder for the model.
    language (str): ISO 639-1 code.
    iterations (int): Passes over the treebanks.
    RETURNS (dict[str, float]): Sentences, those that were skipped for a word of more than 255 bytes, size in
        bytes, and on the test treebank the shares of words whose lemma (small letters), part of speech and
        features are right.
    RAISES (InputError): If there is no treebank, or training fails.
    """
    from ufal.udpipe import Model, ProcessingError, Sentences, Trainer

    train, test = treebank_files(folder, language)
    known, error = read_sentences(train), ProcessingError()
    sentences = Sentences([s for s in known if all(map(_fits, s.words))])
    options = f"models=1;templates_1=lemmatizer;{_GUESSER};iterations={iterations}"
    data = Trainer.train(
        "morphodita_parsito", sentences, Sentences(), Trainer.NONE, options, Trainer.NONE, error
    )
    if error.occurred() or not data:
        raise InputError(f"UDPipe could not train a model for {language!r} ({error.message})", path=folder)
    path = out / f"{language}.udpipe"
    with whole_file(path) as file:
        file.write_bytes(data)
    result = {
        "sentences": len(sentences),
        "skipped": len(known) - len(sentences),
        "bytes": len(data),
    }
    return result | accuracy(Model.load(str(path)), read_sentences(test))


def _fits(word) -> bool:
    return max(len(word.form.encode()), len(word.lemma.encode())) <= LONGEST


def accuracy(model, sentences) -> dict[str, float]:
    """RETURNS (dict[str, float]): Shares of words with the right lemma, part of speech and features."""
    from ufal.udpipe import Model, Sentence

    counts: Counter[str] = Counter()
    for sentence in sentences:
        gold, found = list(sentence.words)[1:], Sentence()
        for word in gold:
            found.addWord(word.form)
        model.tag(found, Model.DEFAULT)
        for a, b in zip(gold, list(found.words)[1:], strict=True):
            counts["words"] += 1
            counts["lemma"] += a.lemma.lower() == b.lemma.lower()
            counts["pos"] += a.upostag == b.upostag
            counts["features"] += a.feats == b.feats
    return {key: counts[key] / counts["words"] for key in ("lemma", "pos", "features") if counts["words"]}
