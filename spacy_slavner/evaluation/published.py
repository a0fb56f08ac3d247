"""What the papers say of the systems that are built here, for the report. Figures are F1 in percent."""

from dataclasses import dataclass, field

ARKHIPOV = "Arkhipov et al. 2019, table 1"
EMELYANOV = "Emelyanov & Artemova 2019, section 5.1"
PANDEY = "Pandey et al. 2022, tables 5 to 8; on MultiCoNER, for which these data stand in"
SLAVICNER = "Piskorski et al. 2024, names in the setting cross-topic"
TILDE = (
    "its submission to the shared task of 2021, without Ukrainian, by the official evaluator on that task's "
    "gold annotation, from which SlavicNER's differs in a few percent of the names"
)
FROZEN = "frozen_mix_bilstm_attention_ncrf"


@dataclass(frozen=True)
class Published:
    """A published result.

    system (str): The system here that it is compared with.
    key (str): What was scored, as in results.json.
    f1 (dict[str, float]): F1 by figure: "span", "word", "RPM", "REM", "SM".
    name (str): What the paper calls the system.
    source (str): The paper and the place in it.
    """

    system: str
    key: str
    f1: dict[str, float] = field(hash=False)
    name: str
    source: str

    def __str__(self) -> str:
        return ", ".join(f"{figure} {value:.1f}" for figure, value in self.f1.items())


def _four(*values: float) -> dict[str, float]:
    return dict(zip(("span", "RPM", "REM", "SM"), values, strict=True))


def _three(*values: float) -> dict[str, float]:
    return dict(zip(("RPM", "REM", "SM"), values, strict=True))


_DEV = "bsnlp2019_dev"
# Pandey et al.: dev es, dev zh. Their test part has questions and search queries.
_PANDEY = {
    "bert_crf": ("BERT+CRF", 81.1, 85.6),
    "bert_bilstm_crf": ("BERT+BiLSTM+CRF", 80.3, 85.5),
    "bert_2fc_softmax": ("BERT+Linear", 80.9, 84.6),
}

PUBLISHED = (
    Published("feature_crf", _DEV, {"word": 37.2}, "simple CRF tagger", EMELYANOV),
    Published("bilstm_crf", _DEV, _four(75.8, 73.9, 72.1, 72.3), "Bi-LSTM-CRF, fastText vectors", ARKHIPOV),
    Published("bert_linear", _DEV, _four(79.6, 77.8, 76.1, 77.2), "Multilingual BERT", ARKHIPOV),
    Published("bert_crf", _DEV, _four(81.4, 80.9, 79.2, 79.6), "Multilingual BERT-CRF", ARKHIPOV),
    Published("bert_crf", _DEV, _four(87.9, 85.7, 84.3, 84.1), "Slavic BERT-CRF", ARKHIPOV),
    Published("bert_crf", "bsnlp2019_test", _three(90.9, 86.4, 85.7), "Slavic BERT-CRF", ARKHIPOV),
    Published("bert_crf", "bsnlp2021_test", _three(83.8, 77.9, 77.1), "Tilde", TILDE),
    Published("bert_crf", "bsnlp2021_test_without_uk", _three(83.8, 77.9, 77.1), "Tilde", TILDE),
    Published("bert_crf", "cross_topic", {"span": 92.22}, "XLM-R-large", SLAVICNER),
    Published(FROZEN, _DEV, {"word": 66.0}, "without language classification", EMELYANOV),
    Published(f"{FROZEN}_language", _DEV, {"span": 57.8, "word": 70.0}, "joint model", EMELYANOV),
    Published(
        f"{FROZEN}_language",
        "bsnlp2019_final_test",
        {"RPM": 78.8, "REM": 50.1},
        "joint model",
        "Emelyanov & Artemova 2019, table 2",
    ),
    *(
        Published(system, f"{corpus}_dev", {"span": value}, name, PANDEY)
        for system, (name, *values) in _PANDEY.items()
        for corpus, value in zip(("conll2002_es", "uner_zh"), values, strict=True)
    ),
    Published("bert_crf", "conll2002_es_snippets", {"span": 61.2}, "BERT+CRF, test part", PANDEY),
    Published("bert_crf", "uner_zh_snippets", {"span": 67.0}, "BERT+CRF, test part", PANDEY),
)

# Parts of splits of which there are published results without a language: they are scored without it as well.
LACKING = {"bsnlp2021_test": "uk"}

# The released pipeline finds names as that system does.
AS = {"slavner": "bert_crf"}

# Questions that the papers answer by comparing two systems.
COMPARISONS = (
    ("The CRF over a linear layer", "bert_crf", "bert_linear"),
    ("A BiLSTM before the CRF", "bert_bilstm_crf", "bert_crf"),
    ("The language head over none", f"{FROZEN}_language", FROZEN),
    ("A tuned encoder over a frozen one", "bert_bilstm_crf", FROZEN),
    ("Any network over word features, the floor", "bilstm_crf", "feature_crf"),
)


def published(key: str) -> dict[str, list[Published]]:
    """RETURNS (dict[str, list[Published]]): What was published on a key, by system."""
    found: dict[str, list[Published]] = {}
    for result in PUBLISHED:
        if result.key == key:
            found.setdefault(result.system, []).append(result)
    return found | {system: found[other] for system, other in AS.items() if other in found}
