"""The colours of the types reach displaCy by themselves."""

import pytest
import spacy
from spacy import displacy
from spacy.tokens import Span

from spacy_slavner.attributes import DISPLACY_COLORS, TYPES


@pytest.mark.parametrize("label", TYPES)
def test_displacy_shows_the_types_in_their_colours(label):
    doc = spacy.blank("xx")("Brno je tu .")
    doc.ents = [Span(doc, 0, 1, label=label)]
    assert f"background: {DISPLACY_COLORS[label]}" in displacy.render(doc, style="ent", jupyter=False)


def test_every_type_has_a_colour_of_its_own():
    assert set(DISPLACY_COLORS) == set(TYPES) and len(set(DISPLACY_COLORS.values())) == len(TYPES)
