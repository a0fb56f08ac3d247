"""The knowledge base: ids, the names they go by, in which languages, as which types, how often."""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy
from spacy.kb import InMemoryLookupKB
from spacy.tokens import Doc

from ..attributes import TYPES, set_attributes
from ..corpora.mentions import NO_ID
from ..errors import InputError
from .index import ArraysT, Groups, Keys, Strings, Trigrams
from .keys import fold, roman, skeleton

# What a row says: this id goes by this name, of this base form, in this language, as this type.
RowT = tuple[str, str, str, str, str]
ANY = ""
COLUMNS = ("id", "name", "base_form", "language", "type", "count")
NEEDED = "Each row needs an id and a name, and may have base_form, language, type and count"


class Index:
    """The rows of a knowledge base in columns, with the indexes over them. It does not change.

    ids (Strings): The ids.
    id (NDArray): Number of the id of each row (rows,).
    name (Strings): The name of each row.
    base (Strings): Its base form.
    language (NDArray): Its language as a number (rows,).
    type (NDArray): Its type as a number (rows,).
    count (NDArray): How often it was seen (rows,).
    languages (list[str]): The languages by their numbers; the first is any.
    """

    TYPES = (ANY, *TYPES)

    def __init__(self, arrays: ArraysT, languages: list[str]) -> None:
        self.languages = languages
        self.ids, self.name, self.base = (
            Strings.from_arrays(arrays, column) for column in ("ids", "name", "base")
        )
        self.id, self.language = arrays["id"], arrays["language"]
        self.type, self.count = arrays["type"], arrays["count"]
        self.by_name, self.by_base, self.by_sound = (
            Keys.from_arrays(arrays, key) for key in ("by_name", "by_base", "by_sound")
        )
        romans = Strings.from_arrays(arrays, "romans")
        self.spelt = Trigrams(romans, Groups(arrays["trigram.ends"], arrays["trigram.rows"]))
        self.by_roman = Groups(arrays["roman.ends"], arrays["roman.rows"])
        # How often each id was seen, and as which type.
        self.id_types = numpy.zeros((len(self.ids), len(self.TYPES)), dtype=numpy.int64)
        numpy.add.at(self.id_types, (self.id, self.type), self.count)
        self.id_count = self.id_types.sum(axis=1)
        self._arrays = arrays

    @classmethod
    def of(cls, counts: Counter[RowT]) -> "Index":
        """Index rows.

        counts (Counter[RowT]): The rows and how often each was seen.
        RETURNS (Index): The index; the same whatever order the rows came in.
        """
        rows = sorted(counts)
        ids = sorted({row[0] for row in rows})
        languages = [ANY, *sorted({row[3] for row in rows} - {ANY})]
        number = {id: i for i, id in enumerate(ids)}
        spoken = [(row[2], row[3] or None) for row in rows]
        romans = [roman(*x) for x in spoken]
        unique = sorted(set(romans))
        place = {text: i for i, text in enumerate(unique)}
        texts = Strings.of(unique)
        spelt = Trigrams.of(texts)
        by_roman = Groups.of(numpy.array([place[x] for x in romans], dtype=numpy.int32), len(unique))
        arrays = {
            **Strings.of(ids).arrays("ids"),
            **Strings.of(row[1] for row in rows).arrays("name"),
            **Strings.of(row[2] for row in rows).arrays("base"),
            "id": numpy.array([number[row[0]] for row in rows], dtype=numpy.int32),
            "language": numpy.array([languages.index(row[3]) for row in rows], dtype=numpy.int16),
            "type": numpy.array([cls.TYPES.index(row[4]) for row in rows], dtype=numpy.int8),
            "count": numpy.array([counts[row] for row in rows], dtype=numpy.int32),
            **Keys.of([fold(row[1]) for row in rows]).arrays("by_name"),
            **Keys.of([fold(row[2]) for row in rows]).arrays("by_base"),
            **Keys.of([skeleton(*x) for x in spoken]).arrays("by_sound"),
            **texts.arrays("romans"),
            "trigram.ends": spelt.postings.ends,
            "trigram.rows": spelt.postings.rows,
            "roman.ends": by_roman.ends,
            "roman.rows": by_roman.rows,
        }
        return cls(arrays, languages)

    def counts(self) -> Counter[RowT]:
        """RETURNS (Counter[RowT]): The rows and their counts."""
        counts: Counter[RowT] = Counter()
        for i, count in enumerate(self.count.tolist()):
            language, type_ = self.languages[self.language[i]], self.TYPES[self.type[i]]
            counts[self.ids[self.id[i]], self.name[i], self.base[i], language, type_] = count
        return counts

    def nbytes(self) -> int:
        """RETURNS (int): The memory of all arrays."""
        return sum(array.nbytes for array in self._arrays.values()) + self.id_types.nbytes

    def to_bytes(self) -> bytes:
        """RETURNS (bytes): All arrays as safetensors, the languages among its metadata."""
        from safetensors.numpy import save

        return save(self._arrays, metadata={"languages": json.dumps(self.languages)})

    @classmethod
    def from_bytes(cls, data: bytes) -> "Index":
        """data (bytes): What `to_bytes` gave. RETURNS (Index): The index."""
        from safetensors.numpy import load

        size = int.from_bytes(data[:8], "little")
        metadata = json.loads(data[8 : 8 + size]).get("__metadata__", {})
        return cls(load(data), json.loads(metadata["languages"]))


class Knowledge:
    """A knowledge base of names.

    Rows are added; the first look-up indexes them, and whatever is added later makes it index anew.

    index (Index | None): Rows that are indexed already.
    """

    def __init__(self, index: Index | None = None) -> None:
        self._counts: Counter[RowT] | None = Counter() if index is None else None
        self._index = index

    def __len__(self) -> int:
        """RETURNS (int): The number of rows."""
        return len(self._counts) if self._counts is not None else len(self._index.name)

    @property
    def counts(self) -> Counter[RowT]:
        """The rows and how often each was seen, to be added to."""
        if self._counts is None:
            self._counts = self._index.counts()
        self._index = None
        return self._counts

    @property
    def index(self) -> Index:
        """The index over the rows."""
        if self._index is None:
            self._index, self._counts = Index.of(self._counts), None
        return self._index

    def add(
        self,
        id: str,
        name: str,
        *,
        base_form: str | None = None,
        language: str | None = None,
        type: str | None = None,
        count: int = 1,
    ) -> None:
        """Add a name of an id, or add to its count.

        id (str): The id.
        name (str): A name as it stands in texts.
        base_form (str | None): Its base form; the name itself if there is none.
        language (str | None): ISO 639-1; None stands for any.
        type (str | None): PER, LOC, ORG, PRO or EVT; None stands for any.
        count (int): How often it was seen.
        RAISES (InputError): The type is unknown, there is no id, or the name has no letters or digits.
        """
        if type and type not in TYPES:
            raise InputError(f"Unknown type {type!r}", remedy=f"Types are {', '.join(TYPES)}")
        if not id or not fold(name):
            what = f"The name {name!r} has no {'letters or digits' if id else 'id'}"
            raise InputError(what, remedy="Leave it out")
        base_form = base_form if base_form and fold(base_form) else name
        self.counts[(id, name, base_form, language or ANY, type or ANY)] += count

    def add_docs(self, docs: Iterable[Doc]) -> int:
        """Add the entities of annotated documents.

        docs (Iterable[Doc]): Documents with ids, and base forms where they are known.
        RETURNS (int): How many mentions were added; those without an id or without letters are not.
        """
        set_attributes()
        added = 0
        for doc in docs:
            for ent in doc.ents:
                if ent.kb_id_ and ent.kb_id_ != NO_ID and fold(ent.text):
                    type_ = ent.label_ if ent.label_ in TYPES else None
                    base = ent._.base_form
                    self.add(ent.kb_id_, ent.text, base_form=base, language=doc._.language, type=type_)
                    added += 1
        return added

    def read(self, path: Path | str) -> Counter[str]:
        """Add the names of a CSV file with a header, or of a JSONL file: all of them or none.

        path (Path | str): The file. Columns or keys are id and name, and if wanted base_form,
            language, type and count.
        RETURNS (Counter[str]): How many rows were "added", and how many were "repeated": there
            already with the same id, language and type, so that they were left out.
        RAISES (InputError): The file cannot be read, a column is missing or unknown, a type is
            unknown, a count is no positive number, or a name has no letters.
        """
        path = Path(path)
        rows: dict[RowT, int] = {}
        report: Counter[str] = Counter(added=0, repeated=0)
        for line, record in _records(path):
            scratch = Knowledge()
            try:
                scratch.add(**_checked(record))
            except InputError as error:
                raise InputError(error.what, path=path, line=line, remedy=error.remedy) from error
            (row, count), *_ = scratch.counts.items()
            report["repeated" if row in rows else "added"] += 1
            rows.setdefault(row, count)
        self.counts.update(rows)
        return report

    def add_kb(self, kb: InMemoryLookupKB) -> int:
        """Add the aliases of a spaCy knowledge base.

        kb (InMemoryLookupKB): The knowledge base. An alias counts as its entity's frequency times its
            prior probability, at least once.
        RETURNS (int): How many aliases were added; those without letters are not.
        """
        added = 0
        for alias in kb.get_alias_strings():
            for candidate in kb.get_alias_candidates(alias) if fold(alias) else ():
                count = max(1, round(candidate.entity_freq * candidate.prior_prob))
                self.add(candidate.entity_, alias, count=count)
                added += 1
        return added

    def to_bytes(self) -> bytes:
        """RETURNS (bytes): The indexed rows, as safetensors."""
        return self.index.to_bytes()

    def from_bytes(self, data: bytes) -> "Knowledge":
        """data (bytes): What `to_bytes` gave. RETURNS (Knowledge): This knowledge base, replaced."""
        self._index, self._counts = Index.from_bytes(data), None
        return self


def _records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a file, each with its line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            if path.suffix.lower() == ".csv":
                yield from _csv_records(path, file)
            else:
                for line, text in enumerate(file, start=1):
                    if text.strip():
                        yield line, _json_record(path, line, text)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"The file cannot be read ({error})", path=path, remedy="Give UTF-8") from error


def _csv_records(path: Path, file: Iterable[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(file)
    missing = {"id", "name"} - set(reader.fieldnames or ())
    if missing:
        what = f"The header lacks {' and '.join(sorted(missing))}"
        raise InputError(what, path=path, line=1, remedy=NEEDED)
    for record in reader:
        if None in record or None in record.values():
            what = "The row has another number of columns than the header"
            raise InputError(what, path=path, line=reader.line_num, remedy="Put quotes around commas")
        yield reader.line_num, record


def _json_record(path: Path, line: int, text: str) -> dict[str, Any]:
    try:
        record = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"No JSON: {error.msg}", path=path, line=line, remedy=NEEDED) from error
    if not isinstance(record, dict):
        raise InputError("The line is no JSON object", path=path, line=line, remedy=NEEDED)
    return record


def _checked(record: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `add` that a record stands for."""
    unknown = sorted(set(record) - set(COLUMNS))
    missing = sorted({"id", "name"} - set(record))
    if unknown or missing:
        what = f"Unknown column {unknown[0]!r}" if unknown else f"There is no {' and no '.join(missing)}"
        raise InputError(what, remedy=NEEDED)
    fields = {k: str(v).strip() for k, v in record.items() if v not in (None, "")}
    count = fields.pop("count", "1")
    if not count.isdecimal() or int(count) < 1:
        raise InputError(f"The count {count!r} is no positive number", remedy="Leave it empty for 1")
    return {"id": "", "name": "", **fields, "count": int(count)}
