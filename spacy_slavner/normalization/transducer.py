"""The learned method: undoes inflection piece by piece, each decision seeing those before it."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass

import numpy
import safetensors.numpy as safetensors
import srsly
from thinc.api import Adam, Model
from tqdm import tqdm

from ..layers.edit_scorer import Pairs, edit_scorer, log_softmax_of_groups
from .candidates import Candidates
from .features import _HISTORY, EVIDENCE, Features, Lexicon
from .methods import BasesT, LessonT
from .names import Text
from .scripts import Script, apply, learn


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
    """

    buckets: int = 1 << 15
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


class Transducer:
    """Undoes inflection by scripts that a model chooses for the pieces of a name.

    settings (Settings): How it is built and trained.
    """

    def __init__(self, settings: Settings = Settings()) -> None:
        self.settings = settings
        self.features: Features | None = None
        self.model: Model[Pairs, numpy.ndarray] | None = None

    def _build(self, candidates: Candidates, lexicon: Lexicon) -> None:
        s = self.settings
        self.features = Features(candidates, lexicon, s.buckets)
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

        lessons (Iterable[LessonT]): Texts with the base forms of their names.
        seed (int): Seed of the order, of dropout.
        progress (bool): Whether to show progress.
        RETURNS (Counter[str]): How many names and pieces were learned from, and how many pieces could
            not be because their script is too rare.
        """
        lessons = list(lessons)
        # Every text once, and its names at most `repeats` times.
        known = {}
        for text, bases in lessons:
            for name, base in zip(text.names, bases, strict=True):
                if base is not None and (key := (name.form, base)) not in known:
                    known[key] = learn(*key)
        triples = [
            (text, name, known[name.form, base])
            for text, bases in lessons
            for name, base in zip(text.names, bases, strict=True)
            if base is not None
        ]
        candidates = Candidates.learn(
            ((text.language, lesson) for text, _, lesson in triples), self.settings.at_least
        )
        lexicon = Lexicon()
        lexicon.learn(triples)
        self._build(candidates, lexicon)
        rng = random.Random(seed)
        data, counts = self._examples(lessons, known, rng)
        self._train(data, seed, progress, callback)
        return counts

    def _examples(self, lessons, known, rng):
        features, numbers = self.features, self.features.candidates.numbers
        seen, counts = Counter(), Counter()
        table, groups, gold = [], [], []
        for text, bases in rng.sample(lessons, len(lessons)):
            language = text.language or ""
            evidence = None
            for name, base in zip(text.names, bases, strict=True):
                key = (language, name.label, name.form, base)
                if base is None or not name.pieces or seen[key] == self.settings.repeats:
                    continue
                seen[key] += 1
                counts["names"] += 1
                evidence = evidence or features.evidence(text, training=True)
                lesson, chosen = known[name.form, base], []
                for i, script in enumerate(lesson.scripts):
                    wanted = numbers.get(script)
                    row = features.piece(language, name, i)
                    row[-_HISTORY:] = features.history(language, chosen)
                    result = apply(script, lesson.pieces[i]).strip().lower()
                    chosen.append(
                        (-1 if wanted is None else wanted, result, result != lesson.pieces[i].text.lower())
                    )
                    options = evidence.options(name, i)
                    if wanted is None or wanted not in options[0]:
                        counts["pieces with rare scripts"] += 1
                        continue
                    counts["pieces"] += 1
                    table.append(row)
                    groups.append(options)
                    gold.append(options[0].index(wanted))
        return (numpy.array(table, dtype="int32"), groups, gold), counts

    def _train(self, data, seed, progress, callback):
        s = self.settings
        table, groups, gold = data
        rng = numpy.random.default_rng(seed)
        numpy.random.seed(seed)
        optimizer = Adam(s.rate, L2=0.0, grad_clip=5.0)
        keep = numpy.full(table.shape[1], 1 - s.feature_dropout)
        keep[self.features.word_slots()] = 1 - s.word_dropout
        steps = tqdm(range(s.epochs), desc="base forms", unit="epoch", disable=not progress)
        for epoch in steps:
            order = rng.permutation(len(table))
            total = 0.0
            for start in range(0, len(order), s.batch):
                ids = order[start : start + s.batch]
                optimizer.learn_rate = s.rate * (1 - (epoch + start / len(order)) / s.epochs)
                slots = numpy.where(rng.random((len(ids), len(keep))) < keep, table[ids], 0).astype("int32")
                pairs, starts = batch_of(slots, [groups[i] for i in ids])
                scores, backprop = self.model.begin_update(pairs)
                logs = log_softmax_of_groups(scores, pairs.rows, len(ids))
                right = starts + numpy.array([gold[i] for i in ids])
                gradient = numpy.exp(logs)
                gradient[right] -= 1
                total -= float(logs[right].sum())
                backprop((gradient / len(ids)).astype("f"))
                self.model.finish_update(optimizer)
            steps.set_postfix(loss=f"{total / len(order):.4f}")
            if callback:
                callback(epoch)

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
                "weights": safetensors.save(
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
        self._build(Candidates(scripts, languages), Lexicon(saved["lexicon"]))
        for name, value in safetensors.load(saved["weights"]).items():
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
        work = []
        for t, text in enumerate(texts):
            if text.language not in self.features.candidates.languages:
                continue
            evidence = self.features.evidence(text)
            work += [(t, n, name, evidence) for n, name in enumerate(text.names) if name.pieces]
        for (t, n, _, _), base in zip(work, self._decode(work), strict=True):
            result[t][n] = base
        return result

    def _decode(self, work) -> list[str]:
        """Read all names from left to right at once, keeping the best readings of each."""
        features, scripts = self.features, self.features.candidates.scripts
        beams = [[(0.0, ())] for _ in work]
        longest = max((len(name.pieces) for _, _, name, _ in work), default=0)
        for i in range(longest):
            active = [w for w, (_, _, name, _) in enumerate(work) if i < len(name.pieces)]
            table, groups, origin = [], [], []
            for w in active:
                _, _, name, evidence = work[w]
                row = features.piece(evidence.language, name, i)
                options = evidence.options(name, i)
                for score, chosen in beams[w]:
                    table.append(row[:-_HISTORY] + features.history(evidence.language, chosen))
                    groups.append(options)
                    origin.append((w, score, chosen))
            pairs, starts = batch_of(numpy.array(table, dtype="int32"), groups)
            logs = log_softmax_of_groups(self.model.predict(pairs), pairs.rows, len(table)).tolist()
            grown = {w: [] for w in active}
            for (w, score, chosen), start, (ids, results, _, _) in zip(
                origin, starts.tolist(), groups, strict=True
            ):
                low = work[w][2].pieces[i].text.lower()
                for k, (script, made) in enumerate(zip(ids, results, strict=True)):
                    grown[w].append((score + logs[start + k], chosen, script, made, made != low))
            for w, readings in grown.items():
                readings.sort(key=lambda r: -r[0])
                beams[w] = [(r[0], (*r[1], r[2:])) for r in readings[: self.settings.beam]]
        made = []
        for (_, _, name, _), beam in zip(work, beams, strict=True):
            chosen = [scripts[c[0]] for c in beam[0][1]]
            text = "".join(apply(s, p) for s, p in zip(chosen, name.pieces, strict=True))
            made.append(" ".join(text.split()) or name.form)
        return made


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
