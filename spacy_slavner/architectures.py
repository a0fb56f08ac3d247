"""The registered architectures: how layers make a model. Nothing here imports torch before it is called."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d, Ragged

if TYPE_CHECKING:
    from spacy_transformers.data_classes import FullTransformerBatch, TransformerData


def TransformerModel_v1(
    name: str,
    get_spans: Callable,
    layers: int | None = None,
    mix: str | None = None,
    frozen_layers: int = -1,
    frozen_dropout: bool = False,
    dropout: float | None = 0.0,
    piece_masking: float = 0.0,
    romanized: bool = False,
    precision: str = "auto",
    attention: str = "auto",
    max_batch_pieces: int = 4096,
    top: Callable | None = None,
    cache_dir: str | None = None,
    cache_gb: float = 10.0,
) -> "Model[list[Doc], FullTransformerBatch]":
    """Build an encoder for the `transformer` component, registered as `spacy-slavner.TransformerModel.v1`.

    Every token gets the vectors of all its pieces, however long the document or the token.

    name (str): A folder with a Hugging Face encoder, or a name on the model hub.
    get_spans (Callable): A span getter; those of this package cut by pieces.
    layers (int | None): Keep the lowest layers only; None keeps all.
    mix (str | None): "scalars" mixes all hidden layers with one free scalar each (Emelyanov & Artemova
        2019, equation 1, whose m = 12 layers are read as those above the embeddings), "softmax" normalises
        them; None takes the last layer.
    frozen_layers (int): -1 trains everything, 0 freezes the embeddings, k > 0 also the lowest k layers.
    frozen_dropout (bool): Whether dropout stays on inside frozen layers while training.
    dropout (float | None): Dropout inside the encoder; None keeps what the encoder's config says.
    piece_masking (float): Share of the pieces replaced by the mask piece while training.
    romanized (bool): Let the encoder read text in plain Latin letters (`crosslingual.romanization`), by the
        rules of the document's language, so that all Slavic languages share pieces.
    precision (str): "auto" (bf16 where the device has it), "fp32", "bf16" or "fp16".
    attention (str): Attention kernel of transformers, "sdpa" or "eager"; "auto" is "sdpa", but for updates in
        bf16 on a CPU, where its backward pass is slow.
    max_batch_pieces (int): Most pieces, padding counted, in one forward pass.
    top (Callable | None): What stands on the encoder, behind the mix, and is shared by all listeners, such
        as `spacy-slavner.JointHead.v1`. Like the mix it is trained with the rate of the heads.
    cache_dir (str | None): A folder that keeps what a frozen encoder says about each window of the training
        data, as fp16, so that it is run on a window once, and not in every epoch. Later runs read it, too;
        delete it when you are done. Only updates use it.
    cache_gb (float): Most gigabytes in that folder. What does not fit is computed in every epoch, and one
        warning says so.
    RETURNS (Model[List[Doc], FullTransformerBatch]): The model.
    RAISES (InputError): The cache is asked for, but the encoder is trained or its dropout or piece masking
        is on, so that its vectors change. This is found out when the encoder is loaded.
    """
    from .layers.encoder import transformer_model

    return transformer_model(
        name,
        get_spans,
        max_batch_pieces=max_batch_pieces,
        cache_dir=cache_dir,
        cache_gb=cache_gb,
        piece_masking=piece_masking,
        romanized=romanized,
        layers=layers,
        mix=mix,
        frozen_layers=frozen_layers,
        frozen_dropout=frozen_dropout,
        dropout=dropout,
        precision=precision,
        attention=attention,
        top=top,
    )


def JointHead_v1(
    bilstm: int = 512,
    bilstm_layers: int = 1,
    attention_heads: int = 6,
    attention_width: int = 64,
    attention_residual: bool = True,
    attention_norm: bool = True,
    linear: int = 0,
    dropout: float = 0.0,
    variational: bool = True,
) -> Callable:
    """Describe what stands on an encoder, registered as `spacy-slavner.JointHead.v1` among the layers.

    For the setting `top` of `TransformerModel_v1`: BiLSTM, self-attention and a linear layer with tanh over
    the pieces of a window, each of which may be left out. The defaults are those of Emelyanov & Artemova
    2019, section 3.1; `bilstm = 256, attention_heads = 0` is the BiLSTM of Pandey et al. 2022, section 5.2.

    bilstm (int): Units per direction of the BiLSTM; 0 leaves it out.
    bilstm_layers (int): Its layers.
    attention_heads (int): Heads of the self-attention; 0 leaves it out.
    attention_width (int): Width of a head's keys and of its values.
    attention_residual (bool): Whether the attention's input is added to its output.
    attention_norm (bool): Whether its output is layer-normalised.
    linear (int): Width of the linear layer with tanh; 0 leaves it out.
    dropout (float): Dropout of the BiLSTM and the attention.
    variational (bool): Whether the BiLSTM's dropout is the same for all pieces of a window.
    RETURNS (Callable[[int], Module]): Makes the torch module from the width of the encoder's vectors.
    """
    from functools import partial

    from .layers.torch.joint import JointHead

    return partial(
        JointHead,
        bilstm=bilstm,
        bilstm_layers=bilstm_layers,
        attention_heads=attention_heads,
        attention_width=attention_width,
        attention_residual=attention_residual,
        attention_norm=attention_norm,
        linear=linear,
        dropout=dropout,
        variational=variational,
    )


def Tok2VecTransformer_v1(
    name: str,
    get_spans: Callable,
    pooling: Model[Ragged, Floats2d] | None = None,
    grad_factor: float = 1.0,
    layers: int | None = None,
    mix: str | None = None,
    frozen_layers: int = -1,
    frozen_dropout: bool = False,
    dropout: float | None = 0.0,
    piece_masking: float = 0.0,
    romanized: bool = False,
    precision: str = "auto",
    attention: str = "auto",
    max_batch_pieces: int = 4096,
    top: Callable | None = None,
    cache_dir: str | None = None,
    cache_gb: float = 10.0,
) -> Model[list[Doc], list[Floats2d]]:
    """Build a component's own encoder, registered as `spacy-slavner.Tok2VecTransformer.v1`.

    `nlp.replace_listeners` writes this into a config. The arguments that are not listed here are those
    of `TransformerModel_v1`.

    pooling (Model[Ragged, Floats2d] | None): Pools the pieces of a token; None leaves pieces and first
        vectors as `WindowListener_v1` gives them.
    grad_factor (float): Factor on the gradient that reaches the encoder through the pooling.
    RETURNS (Model[List[Doc], List[Floats2d]]): One array (tokens, width) per document; a
        Model[List[Doc], List[TransformerData]] without pooling.
    """
    from spacy_transformers.layers.split_trf import split_trf_batch
    from thinc.api import chain

    from .layers.pooling import pool_pieces

    encoder = TransformerModel_v1(
        name,
        get_spans,
        layers=layers,
        mix=mix,
        frozen_layers=frozen_layers,
        frozen_dropout=frozen_dropout,
        dropout=dropout,
        piece_masking=piece_masking,
        romanized=romanized,
        precision=precision,
        attention=attention,
        max_batch_pieces=max_batch_pieces,
        top=top,
        cache_dir=cache_dir,
        cache_gb=cache_gb,
    )
    # What is left in a listener's place when it is replaced; with pooling, a chain in a chain.
    windows = chain(encoder, split_trf_batch())
    if pooling is None:
        return windows
    pool = pool_pieces(pooling, grad_factor)
    model = chain(windows, pool)
    model.set_ref("pool", pool)
    return model


def TransformerListener_v1(
    pooling: Model[Ragged, Floats2d], grad_factor: float = 1.0, upstream: str = "*"
) -> Model[list[Doc], list[Floats2d]]:
    """Build a listener to the `transformer`, registered as `spacy-slavner.TransformerListener.v1`.

    As `spacy-transformers.TransformerListener.v1`, with prediction in less memory: of a document's
    pieces only a block is copied at a time, and the CRF tagger never holds all vectors of its tokens.

    pooling (Model[Ragged, Floats2d]): Pools the pieces of a token. Pandey et al. (2022, section 5.1) do not
        say how they get "token-level dense representations"; these are read as the vectors of first pieces,
        `reduce_first.v1`.
    grad_factor (float): Factor on the gradient that reaches the encoder.
    upstream (str): Name of the transformer component, "*" for any.
    RETURNS (Model[List[Doc], List[Floats2d]]): One array (tokens, width) per document.
    """
    from spacy_transformers.layers import TransformerListener
    from thinc.api import chain

    from .layers.pooling import pool_pieces

    listener = TransformerListener(upstream_name=upstream)
    pool = pool_pieces(pooling, grad_factor)
    model = chain(listener, pool)
    model.set_ref("listener", listener)
    model.set_ref("pool", pool)
    return model


def WindowListener_v1(upstream: str = "*") -> "Model[list[Doc], list[TransformerData]]":
    """Build a listener to the windows of the `transformer`, registered as `spacy-slavner.WindowListener.v1`.

    Its documents hold all pieces, as those of any listener do, and the first vector of each window ([CLS]),
    which listeners to tokens do not carry; see `layers.encoder.PieceData`.

    upstream (str): Name of the transformer component, "*" for any.
    RETURNS (Model[List[Doc], List[TransformerData]]): The data of each document.
    """
    from spacy_transformers.layers import TransformerListener

    return TransformerListener(upstream_name=upstream)


def AllPieces_v1(
    windows: "Model[list[Doc], list[TransformerData]]", grad_factor: float = 1.0
) -> Model[list[Doc], list[Ragged]]:
    """Build vectors of all pieces for taggers, registered as `spacy-slavner.AllPieces.v1`.

    For `crf_ner` with `unit = "piece"`.

    windows (Model[List[Doc], List[TransformerData]]): A `spacy-slavner.WindowListener.v1`.
    grad_factor (float): Factor on the gradient that reaches the encoder.
    RETURNS (Model[List[Doc], List[Ragged]]): Per document, vectors (pieces, width) with the number of
        pieces of each token.
    """
    from .layers.units import all_pieces

    return all_pieces(windows, grad_factor)


def CrfTagger_v1(
    tok2vec: Model[list[Doc], list[Floats2d]], dropout: float = 0.1, head: str = "linear"
) -> Model[list[Doc], list[Floats2d]]:
    """Build a model of the `crf_ner` component, registered as `spacy-slavner.CrfTagger.v1`.

    Dropout and layers give emissions; the CRF over them is in the reference "head".

    tok2vec (Model[List[Doc], List[Floats2d]]): Token vectors, such as a TransformerListener.
    dropout (float): Share of the vectors' entries that is dropped in training.
    head (str): Layers: "linear"; "tanh", a linear layer with tanh (Emelyanov & Artemova 2019, section
        3.1.5); "2fc", two layers of 512 with ReLU before the linear one (Pandey et al. 2022, section 5.3).
        What was read into these papers is said in `layers.torch.tagger.TaggerHead`.
    RETURNS (Model[List[Doc], List[Floats2d]]): Emissions, one array (tokens, tags) per document.
    """
    from .layers.crf import crf_tagger

    return crf_tagger(tok2vec, dropout, head)


def SoftmaxTagger_v1(
    tok2vec: Model[list[Doc], list[Floats2d]],
    dropout: float = 0.1,
    head: str = "linear",
    search: bool = False,
) -> Model[list[Doc], list[Floats2d]]:
    """Build a model of the `crf_ner` component without a CRF, registered as `spacy-slavner.SoftmaxTagger.v1`.

    Each token's tag is learnt and predicted by itself ("BERT+Linear"); tags that no scheme would write are
    repaired, see `layers.torch.softmax.ConstrainedSoftmax`. For the other arguments see `CrfTagger_v1`.

    search (bool): Take the most likely sequence that the scheme writes, instead of the repaired one: better,
        and not what the papers do.
    RETURNS (Model[List[Doc], List[Floats2d]]): Emissions, one array (tokens, tags) per document.
    """
    from .layers.crf import softmax_tagger

    return softmax_tagger(tok2vec, dropout, head, search)


def BiLSTMEncoder_v1(
    embed: Model[list[Doc], list[Floats2d]],
    hidden: int = 100,
    depth: int = 1,
    dropout: float = 0.5,
    variational: bool = False,
) -> Model[list[Doc], list[Floats2d]]:
    """Build a BiLSTM over the tokens of each sentence, registered as `spacy-slavner.BiLSTMEncoder.v1`.

    As spaCy's `TorchBiLSTMEncoder`, but sentence by sentence, without padding or pickle. The defaults are
    those of Lample et al. (2016), section 5.1, who have the network over word vectors; over the vectors of
    a transformer it is "BERT+BiLSTM+CRF" of Pandey et al. (2022), section 5.2.

    embed (Model[List[Doc], List[Floats2d]]): Vectors of tokens, for instance a TransformerListener.
    hidden (int): Width of each direction.
    depth (int): Number of layers.
    dropout (float): Share of the entries of what a layer reads that is dropped in training.
    variational (bool): Whether all tokens of a sentence lose the same entries (Gal & Ghahramani 2016).
    RETURNS (Model[List[Doc], List[Floats2d]]): One array (tokens, 2 * hidden) per document.
    """
    from .layers.bilstm import bilstm_encoder

    return bilstm_encoder(embed, hidden, depth, dropout, variational)


def CharBiLSTM_v1(width: int = 25, hidden: int = 25, rows: int = 2048) -> Model[list[Doc], list[Floats2d]]:
    """Build word vectors from characters, registered as `spacy-slavner.CharBiLSTM.v1`.

    The last states of an LSTM in each direction (Lample et al. 2016, section 4.1), whose sizes are the
    defaults. Of a word of more than 64 characters its first and last 32 are read.

    width (int): Width of a character's vector.
    hidden (int): Width of each direction.
    rows (int): Rows of the table of characters, which are taken modulo this number; with 2,048 no two
        letters of the Latin, Greek and Cyrillic alphabets share one.
    RETURNS (Model[List[Doc], List[Floats2d]]): One array (tokens, 2 * hidden) per document.
    """
    from .layers.bilstm import char_bilstm

    return char_bilstm(width, hidden, rows)


def CharBiLSTM_v2(
    width: int = 300,
    hidden: int = 300,
    rows: int = 2048,
    dropout: float = 0.5,
    romanized: bool = True,
    lower: bool = True,
    placeholders: bool = True,
) -> Model[list[Doc], list[Floats2d]]:
    """Build word vectors from characters that languages share, registered as `spacy-slavner.CharBiLSTM.v2`.

    As `CharBiLSTM_v1`, over words as they are looked up and romanised. The defaults are those of Huang, May
    and Peng (2019, sections 2 and 3), who have uroman and "300-dimension hidden states", read as 300 units
    per direction.

    width (int): Width of a character's vector.
    hidden (int): Width of each direction.
    rows (int): Rows of the table of characters.
    dropout (float): Share of the entries of the result that is dropped in training.
    romanized (bool): Read words in plain Latin letters (`crosslingual.romanization`), by the rules of the
        document's language if it is known.
    lower (bool): Read them in small letters.
    placeholders (bool): Read numbers as "num", URLs as "url".
    RETURNS (Model[List[Doc], List[Floats2d]]): One array (tokens, 2 * hidden) per document.
    """
    from .layers.bilstm import char_bilstm

    return char_bilstm(
        width, hidden, rows, dropout=dropout, romanized=romanized, lower=lower, placeholders=placeholders
    )


def FrozenVectors_v1(
    lower: bool = True, placeholders: bool = True, one_unknown: bool = False, spread: float = 0.1
) -> Model[list[Doc], list[Floats2d]]:
    """Build a look-up of the vocabulary's word vectors, registered as `spacy-slavner.FrozenVectors.v1`.

    For `[initialize] vectors`, also those of floret. They are not trained, since that would move the words
    that the source language has and leave the others where they were (Huang, May and Peng, 2019, section
    3.2). Only how a token is looked up is changed; its text and offsets stay as they are.

    lower (bool): Look words up in small letters.
    placeholders (bool): Look numbers up as "num", URLs as "url".
    one_unknown (bool): Whether words without a vector share one; else each has its own random vector, which
        is the same whenever and wherever it is met.
    spread (float): The range [-spread, spread] that the numbers of their vectors are drawn from.
    RETURNS (Model[List[Doc], List[Floats2d]]): One array (tokens, width) per document.
    RAISES (InputError): The vocabulary has no vectors. This is found out when the pipeline is initialised.
    """
    from .layers.embeddings import frozen_vectors

    return frozen_vectors(lower, placeholders, one_unknown, spread)


def PieceVectors_v1(name: str, width: int = 192) -> Model[list[Doc], list[Floats2d]]:
    """Build a look-up of an encoder's vectors of pieces, registered as `spacy-slavner.PieceVectors.v1`.

    Every word has the vectors of its first and its last piece and the mean of all, whatever stands around
    it: what an encoder knows of words at the price of a look-up. The vectors are reduced to their principal
    components and not trained. The encoder is read when the pipeline is initialised, and not needed
    thereafter.

    name (str): The encoder, a folder or a name on the model hub.
    width (int): How many principal components to keep.
    RETURNS (Model[List[Doc], List[Floats2d]]): One array (tokens, 3 * width) per document.
    RAISES (InputError): There is no such encoder, or its vectors have a smaller width. This is found out when
        the pipeline is initialised.
    """
    from .layers.piece_vectors import piece_vectors

    return piece_vectors(name, width)


def WordsAndCharacters_v1(
    words: Model[list[Doc], list[Floats2d]],
    characters: Model[list[Doc], list[Floats2d]],
    use: str = "both",
) -> Model[list[Doc], list[Floats2d]]:
    """Put two kinds of word vectors side by side, registered as `spacy-slavner.WordsAndCharacters.v1`.

    words (Model[List[Doc], List[Floats2d]]): Vectors of words, such as `spacy-slavner.FrozenVectors.v1`.
    characters (Model[List[Doc], List[Floats2d]]): Vectors from their characters.
    use (str): "both", "words" or "characters": Huang, May and Peng (2019, section 3.5) leave one out.
    RETURNS (Model[List[Doc], List[Floats2d]]): One array (tokens, width) per document.
    RAISES (InputError): `use` is none of these.
    """
    from thinc.api import concatenate

    from .errors import InputError

    layers = {"both": [words, characters], "words": [words], "characters": [characters]}
    if use not in layers:
        raise InputError(f"use is {use!r}", remedy=f"Take one of {', '.join(layers)}")
    return concatenate(*layers[use]) if len(layers[use]) > 1 else layers[use][0]


def LightLanguageClassifier_v1(
    buckets: int = 262144,
    longest: int = 5,
    max_words: int = 1000,
    scale: float = 60.0,
    nO: int | None = None,
) -> Model[list[Doc], Floats2d]:
    """Build a language classifier, registered as `spacy-slavner.LightLanguageClassifier.v1`.

    Hashed character n-grams of the letters, and one linear layer: no encoder, no torch.

    buckets (int): Number of buckets that n-grams are hashed into, a power of 2.
    longest (int): Length of the longest n-gram.
    max_words (int): Tokens that are read of a document: half from its start, half from its middle.
    scale (float): Factor on the sums of weights; it acts as a factor on Adam's learning rate.
    nO (int | None): Number of languages; the component sets it from its labels.
    RETURNS (Model[List[Doc], Floats2d]): Scores (documents, languages) before the softmax.
    """
    from thinc.api import chain

    from .errors import InputError
    from .layers.char_ngrams import char_ngrams, hashed_bag

    if buckets < 1 or buckets & (buckets - 1):
        remedy = "Take 262144, for example"
        raise InputError(f"buckets is {buckets}, which is not a power of 2", remedy=remedy)
    return chain(char_ngrams(buckets, longest, max_words), hashed_bag(buckets, scale, nO))


def PooledLanguageClassifier_v1(
    tok2vec: "Model[list[Doc], list[TransformerData]]",
) -> Model[list[Doc], Floats2d]:
    """Build a language classifier, registered as `spacy-slavner.PooledLanguageClassifier.v1`.

    One linear layer over the first vector, the maximum and the mean of the pieces of each sentence
    (Emelyanov & Artemova 2019, section 3.1.6, equation 2). Their input is one sentence; here the first
    vector is that of the window which the sentence's first piece is read from. A document has the mean of
    its sentences' scores; where no sentence boundaries are set, each window counts as a sentence.

    tok2vec (Model[List[Doc], List[TransformerData]]): A `spacy-slavner.WindowListener.v1`.
    RETURNS (Model[List[Doc], Floats2d]): Scores (documents, languages) before the softmax.
    """
    from .layers.language import language_classifier

    return language_classifier(tok2vec, pooled=True)


def FirstVectorLanguageClassifier_v1(
    tok2vec: "Model[list[Doc], list[TransformerData]]",
) -> Model[list[Doc], Floats2d]:
    """Build a language classifier, registered as `spacy-slavner.FirstVectorLanguageClassifier.v1`.

    One linear layer over the first vector ([CLS]) of the window which the sentence's first piece is read
    from (Moon et al. 2019, section "Language ID"), otherwise as `PooledLanguageClassifier_v1`.

    tok2vec (Model[List[Doc], List[TransformerData]]): A `spacy-slavner.WindowListener.v1`.
    RETURNS (Model[List[Doc], Floats2d]): Scores (documents, languages) before the softmax.
    """
    from .layers.language import language_classifier

    return language_classifier(tok2vec, pooled=False)


def ClozeHead_v1(get_spans: Callable, max_batch_pieces: int = 4096) -> Model:
    """Build the model of the `cloze` component, registered as `spacy-slavner.ClozeHead.v1`.

    The output layers of a masked-language model, whose decoder is tied to the input embeddings of the
    pipeline's encoder.

    get_spans (Callable): A span getter: what the encoder reads together when pieces are masked.
    max_batch_pieces (int): Most pieces, padding counted, in one forward pass.
    RETURNS (Model): The model.
    """
    from .layers.cloze import cloze_head

    return cloze_head(get_spans, max_batch_pieces)
