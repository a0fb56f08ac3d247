from spacy_slavner.linking.candidates import Name
from spacy_slavner.linking.new_names import Clusters, Style, is_longer, is_same, new_ids, written


def person(base, language="pl", type_="PER"):
    return Name(base, base, type_, language)


def ids(*items, across=True, style=None):
    numbered = [(number, name, 1) for number, name in items]
    return new_ids(numbered, style or Style(), across)


def test_one_person_in_all_languages_and_documents():
    names = [person("Boris Johnson"), person("Борис Джонсон", "ru"), person("Борис Джонсън", "bg")]
    assert set(ids(*enumerate(names))) == {"PER-Boris-Johnson"}
    assert len(set(ids(*enumerate(names), across=False))) == 3


def test_surname_joins_its_document_and_then_the_corpus():
    items = [
        (0, person("Johnson")),
        (0, person("Stanley Johnson")),
        (1, person("Boris Johnson")),
        (2, person("Boris Johnson")),
        (3, person("Джонсон", "ru")),
    ]
    found = ids(*items)
    assert found[0] == found[1] == "PER-Stanley-Johnson"
    assert found[2] == found[3] == found[4] == "PER-Boris-Johnson"


def test_two_persons_of_one_surname_stay_two():
    found = ids((0, person("Anna Nowak")), (0, person("Piotr Nowak")))
    assert found == ["PER-Anna-Nowak", "PER-Piotr-Nowak"]


def test_types_are_not_mixed():
    found = ids((0, person("Washington")), (1, person("Washington", type_="LOC")))
    assert found == ["PER-Washington", "LOC-Washington"]


def test_initials():
    long, short = person("Zjednoczone Narody", type_="ORG"), person("ZN", type_="ORG")
    assert is_longer(long, short) and not is_longer(short, long)
    assert not is_longer(long, person("Zn", type_="ORG"))
    assert len(set(ids((0, long), (0, short)))) == 1


def test_order_of_documents_does_not_matter():
    names = [person("Boris Johnson"), person("Борис Джонсон", "ru"), person("Johnson"), person("Anna Nowak")]
    forward = dict(zip(names, ids(*enumerate(names)), strict=True))
    backward = dict(zip(names[::-1], ids(*enumerate(names[::-1])), strict=True))
    assert forward == backward


def test_style_learns_prefixes_and_votes():
    rows = {
        ("GPE-Berlin", "Berlinie", "Berlin", "pl", "LOC"): 1,
        ("GPE-Prague", "Praze", "Praha", "cs", "LOC"): 1,
    }
    rows |= {(f"LOC-{x}-Airport", x, f"letiště {x}", "cs", "LOC"): 1 for x in ("Ruzyně", "Tegel", "Modlin")}
    rows |= {(f"GPE-{x}", x, x, "pl", "LOC"): 1 for x in ("Rzym", "Lwów")}
    style = Style.of(rows)
    assert style.prefix("LOC", "lublin") == "GPE"
    assert style.prefix("LOC", "letiste schiphol") == "LOC"
    assert style.prefix("EVT", "brexit") == "EVT"
    assert style.votes["pl"] > style.votes["cs"]
    assert Style(**style.to_dict()).to_dict() == style.to_dict()


def test_one_name_that_stands_mostly_alone_stays_alone():
    found = ids(*((i, person("Muhammad")) for i in range(5)), (9, person("Tahir Muhammad")))
    assert found == ["PER-Muhammad"] * 5 + ["PER-Tahir-Muhammad"]


def test_common_nouns_are_no_surnames():
    assert ids((0, person("labouristé", "cs")), (1, person("Jan Labourist")))[0] == "PER-Labouristé"


def test_spellings_are_compared_word_by_word():
    assert is_same(person("Michel Barnier"), person("Мишел Барние", "bg"))
    assert is_same(person("Nigel Farage"), person("Найджъл Фараж", "bg"))
    assert not is_same(person("Dominic Raab"), person("Dominic Cummings"))
    assert not is_same(person("Nord Stream 1"), person("Nord Stream 2"))


def test_marks_are_kept_where_ids_keep_them():
    pairs = {"sl": ("PER-Janez-Janša", "Janez Janša"), "cs": ("PER-Adam-Vojtech", "Adam Vojtěch")}
    style = Style.of({(id, name, name, language, "PER"): 1 for language, (id, name) in pairs.items()})
    assert ids((0, person("Borut Pišek", "sl")), style=style) == ["PER-Borut-Pišek"]
    assert ids((0, person("Jan Dvořák", "cs")), style=style) == ["PER-Jan-Dvorak"]


def test_written():
    assert written("«Голос» Америки") == "Голос-Америки"
    assert written("Gam-COVID-Vac") == "Gam-COVID-Vac"
    assert written("Severnyy Potok — 2") == "Severnyy-Potok-2"


def test_clusters():
    clusters = Clusters(4)
    clusters.join(3, 1)
    clusters.join(1, 2)
    assert [clusters.find(i) for i in range(4)] == [0, 1, 1, 1]
