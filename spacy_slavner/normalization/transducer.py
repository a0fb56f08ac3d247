"""The learned method: undoes inflection piece by piece, each decision seeing those before it."""

import random
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass

import numpy
import srsly
from thinc.api import Adam, Model
from thinc.types import Ints1d, Ints2d
from tqdm import tqdm

from ..layers.edit_scorer import Pairs, edit_scorer, log_softmax_of_groups
from ..weights import load_weights, save_weights
from .agreement import Reading, agree
from .candidates import Candidates
from .features import EVIDENCE, HISTORY, Evidence, Features, Lexicon
from .methods import BasesT, LessonT
from .names import Name, Text
from .scripts import Lesson, Script, apply, learn
from .words import WordFrequencies

# A decision: the number of the script, the piece it makes in small letters, whether that is another piece.
ChoiceT = tuple[int, str, bool]


@dataclass(frozen=True)
class Settings:
    """How the transducer is built and trained.

    buckets (int): Number of buckets that features are hashed into.
    width (int): Width of the feature vectors.
    hidden (int): Width of the hidden layer.
    at_least (int): With how many different pieces a script must occur.
    repeats (int): How often the same name with the same base form is learned from at most.
    epochs (int): Passes over the training names.
    batch (int): Pieces in an update.
    rate (float): Learning rate at the start; it falls to 0.
    dropout (float): Share of the hidden layers' entries that is dropped in training.
    feature_dropout (float): Share of a piece's features that is dropped in training.
    word_dropout (float): The same for features of whole words: names to come are not in the training part.
    beam (int): Readings of a name that are kept from piece to piece.
    agreement (float): Weight of what other forms of a name in its document say about its base form.
    words (int): Words of a language whose frequency is known (from the library wordfreq); 0 for none.
    least_updates (int): Updates that are made at least, however few the names are.
    """

    buckets: int = 1 << 16
    width: int = 64
    hidden: int = 128
    at_least: int = 2
    repeats: int = 2
    epochs: int = 5
    batch: int = 512
    rate: float = 0.003
    dropout: float = 0.3
    feature_dropout: float = 0.1
    word_dropout: float = 0.5
    beam: int = 4
    agreement: float = 1.0
    words: int = 200_000
    least_updates: int = 200


class Transducer:
    """Undoes inflection by scripts that a model chooses for the pieces of a name.

    settings (Settings): How it is built and trained.
    """

    def __init__(self, settings: Settings = Settings()) -> None:
        self.settings = settings
        self.features: Features | None = None
        self.model: Model[Pairs, numpy.ndarray] | None = None

    def _build(self, candidates: Candidates, lexicon: Lexicon, words: WordFrequencies) -> None:
        s = self.settings
        self.features = Features(candidates, lexicon, words, s.buckets)
        self.model = edit_scorer(
            s.buckets, s.width, s.hidden, s.dropout, len(candidates.scripts), len(EVIDENCE)
        )
        self.model.initialize()

    # --- learning

    def learn(
        self,
        lessons: Iterable[LessonT],
        seed: int = 0,
        progress: bool = False,
        callback: Callable[[int], None] | None = None,
    ) -> Counter[str]:
        """Learn from texts with base forms.

        lessons (Iterable[LessonT]): Texts with the base forms of their names. Texts without language and
            names without base form or without pieces are not learned from.
        seed (int): Seed of the order and of dropout.
        progress (bool): Whether to show progress.
        callback (Callable[[int], None] | None): Called after each pass with its number.
        RETURNS (Counter[str]): "names" and "pieces" that were learned from, "rare" pieces that could not be
            since no other piece has their script, "without language" names.
        """
        counts: Counter[str] = Counter()
        lessons = list(lessons)
        counts["without language"] = sum(len(text.names) for text, _ in lessons if not text.language)
        examples = [
            (
                text,
                [(name, base) for name, base in zip(text.names, bases, strict=True) if base and name.pieces],
            )
            for text, bases in lessons
            if text.language
        ]
        known = {pair: learn(*pair) for _, found in examples for pair in {(n.form, b) for n, b in found}}
        triples = [(text, name, known[name.form, base]) for text, found in examples for name, base in found]
        candidates = Candidates.learn(
            ((text.language, lesson) for text, _, lesson in triples), self.settings.at_least
        )
        lexicon = Lexicon()
        lexicon.learn(triples)
        self._build(candidates, lexicon, self._words(list(candidates.languages)))
        rng = random.Random(seed)
        data = self._examples(rng.sample(examples, len(examples)), known, counts)
        if not len(data.gold):
            self.model = None
            return counts
        state = numpy.random.get_state()  # thinc's dropout draws from numpy's global generator
        numpy.random.seed(seed)
        try:
            self._train(data, seed, progress, callback)
        finally:
            numpy.random.set_state(state)
        return counts

    def _words(self, languages: list[str]) -> WordFrequencies:
        if not self.settings.words:
            return WordFrequencies()
        words = WordFrequencies.from_wordfreq(languages, self.settings.words)
        if not words.tables:
            warnings.warn(
                "The learned method knows no word frequencies: `pip install wordfreq` for better base forms "
                "of new names, or set its `words` to 0",
                stacklevel=2,
            )
        return words

    def _examples(self, texts, known: dict[tuple[str, str], Lesson], counts: Counter[str]) -> "Examples":
        """Make arrays of the pieces of all names, each name with the same base form a few times at most."""
        seen: Counter[tuple] = Counter()
        rows, groups, gold = [], [], []
        for text, names in texts:
            evidence = self.features.evidence(text, training=True) if names else None
            for name, base in names:
                key = (text.language, name.label, name.form, base)
                seen[key] += 1
                if seen[key] > self.settings.repeats:
                    continue
                counts["names"] += 1
                for row, options, number in self._pieces(evidence, name, known[name.form, base]):
                    if number is None:
                        counts["rare"] += 1
                        continue
                    counts["pieces"] += 1
                    rows.append(row)
                    groups.append(options)
                    gold.append(number)
        return Examples(numpy.array(rows, dtype="int32"), groups, numpy.array(gold, dtype="int64"))

    def _pieces(self, evidence: Evidence, name: Name, lesson: Lesson):
        """Give for each piece its features, its candidates, and which of them is right, if any is."""
        features, numbers = self.features, self.features.candidates.numbers
        chosen: list[ChoiceT] = []
        for i, (piece, script) in enumerate(zip(lesson.pieces, lesson.scripts, strict=True)):
            row = features.piece(evidence.language, name, i)
            row[-HISTORY:] = features.history(evidence.language, chosen)
            options, wanted = evidence.options(name, i), numbers.get(script, -1)
            yield row, options, options[0].index(wanted) if wanted in options[0] else None
            result = apply(script, piece).strip().lower()
            chosen.append((wanted, result, result != piece.text.lower()))

    def _train(
        self, data: "Examples", seed: int, progress: bool, callback: Callable[[int], None] | None
    ) -> None:
        """Minimise the cross entropy of the right candidates."""
        s, model = self.settings, self.model
        table, groups, gold = data.features, data.groups, data.gold
        rng = numpy.random.default_rng(seed)
        keep = numpy.full(table.shape[1], 1 - s.feature_dropout)
        keep[self.features.word_slots()] = 1 - s.word_dropout
        optimizer, averages = Adam(s.rate, L2=0.0, grad_clip=5.0), Averages(model)
        # At least so many updates, also from few names.
        epochs = max(s.epochs, -(-s.least_updates * s.batch // max(len(table), 1)))
        epochs = min(epochs, s.least_updates)
        steps = tqdm(range(epochs), desc="base forms", unit="epoch", disable=not progress)
        for epoch in steps:
            order, total = rng.permutation(len(table)), 0.0
            for start in range(0, len(order), s.batch):
                ids = order[start : start + s.batch]
                optimizer.learn_rate = s.rate * (1 - (epoch + start / len(order)) / epochs)
                slots = numpy.where(rng.random((len(ids), len(keep))) < keep, table[ids], 0).astype("int32")
                pairs, starts = batch_of(slots, [groups[i] for i in ids])
                scores, backprop = model.begin_update(pairs)
                logs = log_softmax_of_groups(scores, pairs.rows, len(ids))
                right = starts + gold[ids]
                gradient = numpy.exp(logs)
                gradient[right] -= 1
                total -= float(logs[right].sum())
                backprop((gradient / len(ids)).astype("f"))
                model.finish_update(optimizer)
                if epoch >= epochs // 2:
                    averages.add()
            steps.set_postfix(loss=f"{total / len(order):.4f}")
            if callback:
                callback(epoch)
        averages.use()

    # --- input and output

    def to_bytes(self) -> bytes:
        """RETURNS (bytes): What was learned, as msgpack; the weights in safetensors' format."""
        if self.model is None:
            return b""
        features = self.features
        return srsly.msgpack_dumps(
            {
                "settings": asdict(self.settings),
                "scripts": [list(script) for script in features.candidates.scripts],
                "languages": features.candidates.languages,
                "lexicon": features.lexicon.to_dict(),
                "words": features.words.to_bytes(),
                "weights": save_weights(
                    {name: self.model.get_param(name) for name in self.model.param_names}
                ),
            }
        )

    def from_bytes(self, data: bytes) -> "Transducer":
        """Take over what was learned.

        data (bytes): What `to_bytes` gave.
        RETURNS (Transducer): Itself.
        """
        if not data:
            return self
        saved = srsly.msgpack_loads(data)
        self.settings = Settings(**saved["settings"])
        scripts = [Script(*fields) for fields in saved["scripts"]]
        languages = {language: list(ids) for language, ids in saved["languages"].items()}
        self._build(
            Candidates(scripts, languages),
            Lexicon(saved["lexicon"]),
            WordFrequencies.from_bytes(saved["words"]),
        )
        for name, value in load_weights(saved["weights"]).items():
            self.model.set_param(name, self.model.ops.asarray(value))
        return self

    # --- prediction

    def predict(self, texts: Sequence[Text]) -> BasesT:
        """Give names their base forms.

        texts (Sequence[Text]): The texts.
        RETURNS (list[list[str | None]]): The base form of each name; None in a language that was not in
            training, and for a name that has no pieces.
        """
        result: BasesT = [[None] * len(text.names) for text in texts]
        if self.model is None:
            return result
        work = [self._work(text) for text in texts]
        readings = iter(self._decode([item[1:] for part in work for item in part]))
        for bases, part in zip(result, work, strict=True):
            names = [([p.text.lower() for p in name.pieces], next(readings)) for _, name, _ in part]
            for (n, _, _), base in zip(part, agree(names, self.settings.agreement), strict=True):
                bases[n] = base
        return result

    def _work(self, text: Text) -> list[tuple[int, Name, Evidence]]:
        """The names of a text that can be read, with their numbers."""
        if text.language not in self.features.candidates.languages:
            return []
        evidence = self.features.evidence(text)
        return [(n, name, evidence) for n, name in enumerate(text.names) if name.pieces]

    def _decode(self, work: list[tuple[Name, Evidence]]) -> list[list[Reading]]:
        """Read all names from left to right at once, keeping the best readings of each, the best first."""
        features = self.features
        beams = [[(0.0, ())] for _ in work]
        longest = max((len(name.pieces) for name, _ in work), default=0)
        for i in range(longest):
            active = [w for w, (name, _) in enumerate(work) if i < len(name.pieces)]
            table, groups, origin = [], [], []
            for w in active:
                name, evidence = work[w]
                row = features.piece(evidence.language, name, i)
                options = evidence.options(name, i)
                for score, chosen in beams[w]:
                    table.append(row[:-HISTORY] + features.history(evidence.language, chosen))
                    groups.append(options)
                    origin.append((w, score, chosen))
            pairs, starts = batch_of(numpy.array(table, dtype="int32"), groups)
            logs = log_softmax_of_groups(self.model.predict(pairs), pairs.rows, len(table)).tolist()
            grown = {w: [] for w in active}
            for (w, score, chosen), start, (ids, results, _, _) in zip(
                origin, starts.tolist(), groups, strict=True
            ):
                low = work[w][0].pieces[i].text.lower()
                for k, (script, made) in enumerate(zip(ids, results, strict=True)):
                    grown[w].append((score + logs[start + k], chosen, script, made, made != low))
            for w, readings in grown.items():
                readings.sort(key=lambda r: -r[0])
                beams[w] = [(r[0], (*r[1], r[2:])) for r in readings[: self.settings.beam]]
        return [
            [self._reading(name, score, chosen) for score, chosen in beam]
            for (name, _), beam in zip(work, beams, strict=True)
        ]

    def _reading(self, name: Name, score: float, chosen: Sequence[ChoiceT]) -> Reading:
        scripts = self.features.candidates.scripts
        made = (apply(scripts[i], piece) for (i, _, _), piece in zip(chosen, name.pieces, strict=True))
        base = " ".join("".join(made).split()) or name.form
        return Reading(score, [result for _, result, _ in chosen], base)


@dataclass
class Examples:
    """Pieces to learn from.

    features (Ints2d): Features of the pieces (pieces, slots).
    groups (list): For every piece what `Evidence.options` gave.
    gold (Ints1d): Which of its candidates is right (pieces,).
    """

    features: Ints2d
    groups: list
    gold: Ints1d


class Averages:
    """Means of a model's parameters over updates: they generalise better than those of the last one."""

    def __init__(self, model: Model) -> None:
        self.model, self.count = model, 0
        self.sums = {name: numpy.zeros_like(model.get_param(name)) for name in model.param_names}

    def add(self) -> None:
        """Count the parameters as they are now."""
        self.count += 1
        for name, total in self.sums.items():
            total += self.model.get_param(name)

    def use(self) -> None:
        """Set the parameters to their means."""
        for name, total in self.sums.items():
            self.model.set_param(name, total / self.count)


def batch_of(table, groups) -> tuple[Pairs, numpy.ndarray]:
    """Put pieces and their candidates together.

    table (Ints2d): Features of the pieces.
    groups (list): For every piece what `Evidence.options` gave.
    RETURNS (tuple[Pairs, Ints1d]): The batch, and where the candidates of each piece begin.
    """
    sizes = numpy.array([len(group[0]) for group in groups])
    pairs = Pairs(
        features=table,
        rows=numpy.repeat(numpy.arange(len(groups)), sizes),
        scripts=numpy.concatenate([group[0] for group in groups]),
        traits=numpy.concatenate([group[2] for group in groups]),
        evidence=numpy.concatenate([group[3] for group in groups]),
    )
    return pairs, numpy.cumsum(sizes) - sizes
