"""The config of pipelines over the tiny encoder, which the tests of several components share."""

from pathlib import Path

from thinc.api import Config

BASE = """
[nlp]
lang = "xx"

[components]

[components.sentencizer]
factory = "sentencizer"

[components.transformer]
factory = "transformer"

[components.transformer.model]
@architectures = "spacy-slavner.TransformerModel.v1"
precision = "fp32"

[components.transformer.model.get_spans]
@span_getters = "spacy-slavner.piece_windows.v1"
window = 40
overlap = 10

[components.crf_ner]
factory = "crf_ner"

[components.crf_ner.model]
@architectures = "spacy-slavner.CrfTagger.v1"
dropout = 0.0

[components.crf_ner.model.tok2vec]
@architectures = "spacy-slavner.TransformerListener.v1"

[components.crf_ner.model.tok2vec.pooling]
@layers = "reduce_first.v1"
"""


def over_encoder(encoder: Path, components: list[str], blocks: str = "") -> Config:
    """Put a config together.

    encoder (Path): Folder with the encoder.
    components (list[str]): The components, in order.
    blocks (str): Those that the shared config lacks or has otherwise, below `[components]`.
    RETURNS (Config): The config.
    """
    config = Config().from_str(BASE).merge(Config().from_str("[components]\n" + blocks))
    config["nlp"]["pipeline"] = list(components)
    config["components"] = {name: config["components"][name] for name in components}
    config["components"]["transformer"]["model"]["name"] = str(encoder)
    return config
