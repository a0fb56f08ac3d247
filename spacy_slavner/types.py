"""Named types of the models, for signatures."""

from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

# Token vectors or emissions: one array (tokens, width) per Doc.
TokenVectorsModelT = Model[list[Doc], list[Floats2d]]
EmissionsModelT = Model[list[Doc], list[Floats2d]]
# Document scores: one array (documents, classes).
DocScoresModelT = Model[list[Doc], Floats2d]
