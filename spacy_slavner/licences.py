"""The licences of corpora and encoders, and which of them weights that are passed on may come from."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .errors import InputError

NOT_STATED = "not stated by its authors"
UNKNOWN = "not known to the command that made this package"
# What a corpus without a record of its own is called in the record of a run.
NAMELESS = "unknown"
# Licences, after a name's hyphens became spaces, under which material may end up in weights for everybody.
FREE = re.compile(r"(CC0|CC BY|CC BY SA|MIT|Apache)( \d\.\d)?", re.IGNORECASE)
UNER = "https://github.com/UniversalNER/UNER"


@dataclass(frozen=True)
class Material:
    """Something that weights are made from.

    title (str): What people call it.
    licence (str): Its licence, or in words what is known of it.
    url (str): Where it is.
    others (tuple[str, ...]): Other names for it.
    """

    title: str
    licence: str
    url: str = ""
    others: tuple[str, ...] = ()


SLAVICNER = Material("SlavicNER", NOT_STATED, "https://github.com/SlavicNLP/SlavicNER")
CONLL2002 = Material("CoNLL-2002", "for research only", "https://www.clips.uantwerpen.be/conll2002/ner/")
WIKIANN = Material("WikiANN", f"{NOT_STATED}; made from Wikipedia", others=("PAN-X",))
MULTICONER = Material("MultiCoNER", "CC BY 4.0 in its second edition, of the first not known here")
# By the names that records of runs have for them; all that the commands `prepare` and `prepare-columns` know.
CORPORA = {
    "slavicner": SLAVICNER,
    "sample": Material("the bundled sample", "CC0 1.0"),
    "uner": Material("Universal NER", "CC BY-SA 4.0", "https://www.universalner.org", ("UNER",)),
    "uner_hr": Material("Universal NER Croatian-SET", "CC BY-SA 4.0", f"{UNER}_Croatian-SET"),
    "uner_sk": Material("Universal NER Slovak-SNK", "CC BY-SA 4.0", f"{UNER}_Slovak-SNK"),
    "uner_sr": Material("Universal NER Serbian-SET", "CC BY-SA 4.0", f"{UNER}_Serbian-SET"),
    "uner_zh": Material("Universal NER Chinese-GSD", "CC BY-SA 4.0", f"{UNER}_Chinese-GSD"),
    "ner_uk": Material("NER-UK", "CC BY-NC-SA 4.0", "https://github.com/lang-uk/ner-uk"),
    **{f"conll2002_{language}": CONLL2002 for language in ("es", "nl")},
    **{f"wikiann_{language}": WIKIANN for language in ("en", "de", "nl")},
    **{f"multiconer_{language}": MULTICONER for language in ("es", "zh")},
}
E5 = "intfloat/multilingual-e5-small"
ENCODERS = {E5: Material(E5, "MIT", f"https://huggingface.co/{E5}")}
MIT = """\
Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE."""


def find_corpus(name: str) -> Material:
    """Find what is known of a corpus.

    name (str): Its name in the record of a run.
    RETURNS (Material): The corpus; under that name and an unknown licence if it is none of those known.
    """
    # A folder with SlavicNER may be written in capitals.
    return CORPORA.get(name.casefold()) or Material(name, UNKNOWN)


def named_in(text: str) -> list[Material]:
    """Find the known corpora that a text names.

    text (str): The text, such as "SlavicNER, and WikiANN in English".
    RETURNS (list[Material]): The corpora.
    """
    known = dict.fromkeys(CORPORA.values())
    return [m for m in known if any(_stands_in(name, text) for name in (m.title, *m.others))]


def _stands_in(name: str, text: str) -> bool:
    """Whether a name is in a text as words of its own: "ner_uk" is NER-UK, "SlavicNER, Ukrainian" is not."""
    words = r"[\W_]*".join(re.findall(r"[^\W_]+", name))
    return re.search(rf"(?<![^\W\d_]){words}(?![^\W\d_])", text, re.IGNORECASE) is not None


def without_general(materials: Iterable[Material]) -> list[Material]:
    """Leave out what is named besides more exactly: Universal NER beside one of its parts.

    materials (Iterable[Material]): What was found.
    RETURNS (list[Material]): Each once, in the same order.
    """
    found = dict.fromkeys(materials)
    return [m for m in found if not any(o.title.startswith(f"{m.title} ") for o in found)]


def may_be_passed_on(source: dict[str, str]) -> bool:
    """Say whether weights that come from something may be given to everybody.

    source (dict[str, str]): Its "name" and "license".
    RETURNS (bool): Whether its licence allows that, or it is SlavicNER, which states none.
    """
    return source["name"] == SLAVICNER.title or bool(FREE.fullmatch(source["license"].replace("-", " ")))


def check_licences(sources: Iterable[dict[str, str]]) -> None:
    """Refuse what weights that are passed on must not come from.

    sources (Iterable[dict[str, str]]): "name" and "license" of each.
    RAISES (InputError): If there is such a source among them; the first is named.
    """
    for source in sources:
        if not may_be_passed_on(source):
            name, licence = source["name"], source["license"]
            told = f" say its licence with --source '{name}=LICENCE'," if licence == UNKNOWN else ""
            raise InputError(
                f"weights from {name} are not to be passed on; its licence: {licence}",
                remedy=f"Train without it,{told} or give --any-licence for a package for your own use",
            )


def licence_texts(sources: Iterable[dict[str, str]]) -> str:
    """Write the notice that goes with a package: each source and its licence, then what licences say.

    sources (Iterable[dict[str, str]]): "name", "what", "license" and "url" of each, "author" if it is known.
    RETURNS (str): Lines of sources, links to Creative Commons' licences, and the text of the MIT licence.
    """
    sources = list(sources)
    lines = [f"{s['name']} ({s['what'] or 'a part'}): {s['license']} {s['url']}".strip() for s in sources]
    links = dict.fromkeys(link for source in sources if (link := _link(source["license"])))
    owners = [s.get("author") or f"the authors of {s['name']}" for s in sources if s["license"] == "MIT"]
    notice = ["The MIT License", *(f"Copyright (c) {owner}" for owner in owners), MIT] if owners else []
    return "\n\n".join("\n".join(part) for part in (lines, links, notice) if part) + "\n"


def _link(licence: str) -> str:
    """Where Creative Commons keeps a licence; empty for others'."""
    if licence.startswith("CC0"):
        return f"{licence}: https://creativecommons.org/publicdomain/zero/1.0/"
    kind = re.fullmatch(r"CC (BY[A-Z-]*) (\d\.\d)", licence)
    return f"{licence}: https://creativecommons.org/licenses/{kind[1].lower()}/{kind[2]}/" if kind else ""
