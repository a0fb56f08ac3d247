"""Which scripts a piece of a name may take, learned from names and their base forms."""

from collections import defaultdict
from collections.abc import Iterable

from .scripts import IDENTITY, Lesson, Piece, Script, apply

_LONGEST = 12


class Candidates:
    """The scripts that occurred in training, by language and by the ending they take off.

    scripts (list[Script]): All scripts, the most frequent first.
    """

    def __init__(self, scripts: list[Script] | None = None, languages: dict[str, list[int]] | None = None):
        self.scripts = [IDENTITY] if scripts is None else scripts
        self.languages = {} if languages is None else languages
        self.numbers = {script: i for i, script in enumerate(self.scripts)}
        self._endings = {language: self._by_ending(ids) for language, ids in self.languages.items()}

    def _by_ending(self, ids: list[int]) -> dict[str, list[int]]:
        endings = defaultdict(list)
        for i in sorted({self.numbers[IDENTITY], *ids}):
            endings[self.scripts[i].old].append(i)
        return dict(endings)

    @classmethod
    def learn(cls, lessons: Iterable[tuple[str, Lesson]], at_least: int) -> "Candidates":
        """Collect scripts.

        lessons (Iterable[tuple[str, Lesson]]): Languages, and names with their scripts.
        at_least (int): With how many different pieces a script must occur.
        RETURNS (Candidates): The scripts.
        """
        pieces = defaultdict(set)
        for language, lesson in lessons:
            for piece, script in zip(lesson.pieces, lesson.scripts, strict=True):
                pieces[script].add((language, piece.text.lower()))
        known = {language for found in pieces.values() for language, _ in found}
        pieces = {s: found for s, found in pieces.items() if len(found) >= at_least or s == IDENTITY}
        pieces.setdefault(IDENTITY, set())
        scripts = sorted(pieces, key=lambda s: (-len(pieces[s]), str(s)))
        languages = {
            language: [i for i, s in enumerate(scripts) if any(x == language for x, _ in pieces[s])]
            for language in sorted(known)
        }
        return cls(scripts, languages)

    def of(self, language: str, text: str) -> list[tuple[int, str]]:
        """Find the scripts that fit a piece.

        language (str): A language that occurred in training.
        text (str): The piece.
        RETURNS (list[tuple[int, str]]): Numbers of scripts, and the pieces they make, in small letters.
        """
        endings, low, piece = self._endings[language], text.lower(), Piece(text, "")
        fitting = (
            i for n in range(min(len(low), _LONGEST) + 1) for i in endings.get(low[len(low) - n :], ())
        )
        made = ((i, apply(self.scripts[i], piece).lower()) for i in fitting)
        # A stump of one or two letters is no name: "novi" without the "ovi" of possessives.
        return [(i, result) for i, result in made if not result or len(result) >= min(3, len(low) - 1)]
