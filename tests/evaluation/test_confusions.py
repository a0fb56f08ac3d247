"""What became of each annotated name, on hand-made examples."""

from spacy_slavner.evaluation.confusions import confusions_section, count_confusions
from spacy_slavner.evaluation.spans import SpanDocument


def test_each_annotated_name_is_counted_once():
    gold = {
        ("PER", 0, 2),  # right
        ("LOC", 3, 5),  # other edges
        ("ORG", 6, 7),  # other type
        ("EVT", 8, 11),  # edges and type
        ("PRO", 12, 13),  # missed, though a prediction ends where it begins
    }
    found = {("PER", 0, 2), ("LOC", 4, 6), ("LOC", 6, 7), ("ORG", 8, 10), ("PER", 11, 12), ("PER", 20, 22)}
    assert count_confusions([SpanDocument(gold, found)]) == {
        "right": {"PER": {"PER": 1}},
        "other edges": {"LOC": {"LOC": 1}},
        "other type": {"ORG": {"LOC": 1}},
        "edges and type": {"EVT": {"ORG": 1}},
        "missed": {"PRO": {"": 1}},
        "spurious": {"": {"PER": 2}},
    }


def test_of_several_predictions_that_with_the_same_edges_or_most_tokens_is_taken():
    def kind(*found):
        return count_confusions([SpanDocument({("ORG", 0, 4)}, set(found))])

    # A prediction over a part of the name is not spurious.
    assert kind(("ORG", 0, 1), ("LOC", 1, 4)) == {"edges and type": {"ORG": {"LOC": 1}}}
    assert kind(("LOC", 0, 2), ("ORG", 2, 4)) == {"other edges": {"ORG": {"ORG": 1}}}
    # Names over other tokens than the reference's may overlap.
    assert kind(("LOC", 0, 4), ("ORG", 0, 5)) == {"other type": {"ORG": {"LOC": 1}}}


def test_documents_are_added_up_and_kept_apart():
    name = {("PER", 0, 1)}
    documents = [SpanDocument(name, set()), SpanDocument(set(), name), SpanDocument(name, set())]
    assert count_confusions(documents) == {"missed": {"PER": {"": 2}}, "spurious": {"": {"PER": 1}}}
    assert count_confusions([]) == {}


def test_one_prediction_over_two_names_is_found_for_both():
    names = {("PER", 0, 1), ("PER", 2, 3)}
    assert count_confusions([SpanDocument(names, {("PER", 0, 3)})]) == {"other edges": {"PER": {"PER": 2}}}


def test_table_of_means_over_the_seeds():
    one = {"right": {"LOC": {"LOC": 1000}}, "other type": {"LOC": {"PER": 3}}, "spurious": {"": {"PER": 4}}}
    two = {"edges and type": {"LOC": {"PER": 2}}, "missed": {"PER": {"": 6}}}
    _, _, table = confusions_section([{"confusions": one}, {}, {"confusions": two}])
    assert table.splitlines() == [
        "| Type | right | other edges | other type | edges and type | missed | as LOC | as PER |",
        "| --- | --: | --: | --: | --: | --: | --: | --: |",
        "| LOC | 500 | 0 | 1.5 | 1 | 0 | 0 | 2.5 |",
        "| PER | 0 | 0 | 0 | 0 | 3 | 0 | 0 |",
        "| spurious |  |  |  |  |  | 0 | 2 |",
    ]
    # Records that were made before have none.
    assert confusions_section([{"span": None}, {"confusions": None}]) == []
