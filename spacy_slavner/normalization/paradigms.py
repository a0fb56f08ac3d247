"""How nouns and adjectives are declined: endings by language, for what no dictionary gives.

The tables hold the productive patterns; what changes inside a stem (Praha, v Praze) is written into a row of
its own. They are school grammar, and know no names.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from .analysis import CASES, Word

# Part of speech, gender, endings of the singular in the order of CASES, and of the plural. The first ending
# of several is the usual one (of nominatives in the plural the last one is people's), "-" is none. An
# adjective's rows follow each other, the masculine one first.
_TABLES = {
    "cs": """
NOUN Masc - a/u a/u/ovi a/- em u/ovi/ě/e | y/i/é/ové ů ům y y ech/ích
NOUN Masc an ana/anu anu/anovi ana/an anem anu/anovi/aně | any/ané anů anům any any anech
NOUN Masc at ata/atu atu/atovi ata/at atem atu/atovi/atě | aty/até atů atům aty aty atech
NOUN Masc ák áka/áku áku/ákovi áka/ák ákem áku/ákovi | áky/áci áků ákům áky áky ácích
NOUN Masc k ka/ku ku/kovi ka/k kem ku/kovi | ky/kové/ci ků kům ky ky cích
NOUN Masc ek ka/ku ku/kovi ka/ek kem ku/kovi | ky/kové/ci ků kům ky ky cích
NOUN Masc ec ce covi ce/ec cem covi | ci ců cům ce ci cích
NOUN Masc ista isty istovi istu istou istovi | isté istů istům isty isty istech
NOUN Masc a y ovi u ou ovi | ové ů ům y y ech
NOUN Masc í ího ímu ího ím ím | íové íů íům í ími ích
NOUN Masc i iho imu iho im im | iové iů iům i ii iích
NOUN Masc y yho ymu yho ym ym | yové yů yům y yi yích
NOUN Masc o a/- ovi/u a em ovi/u | ové ů ům y y ech
NOUN Masc us a u/ovi a/us em u/ovi | y/ové ů ům y y ech
NOUN Masc j je ji/jovi je/j jem ji/jovi | je/jové jů jům je ji jích
NOUN Masc ř ře ři/řovi ře/ř řem ři/řovi | ři/řové řů řům ře ři řích
NOUN Masc č če či/čovi če/č čem či/čovi | či/čové čů čům če či čích
NOUN Masc š še ši/šovi še/š šem ši/šovi | še/šové šů šům še ši ších
NOUN Masc el ela/lu elu/elovi ela/el elem elu/elovi | elé/ely elů elům ely ely elech
NOUN Fem a y ě/e u ou ě/e | y - ám y ami ách
NOUN Fem ka ky ce ku kou ce | ky ek kám ky kami kách
NOUN Fem ha hy ze hu hou ze | hy h hám hy hami hách
NOUN Fem ga gy ze gu gou ze | gy g gám gy gami gách
NOUN Fem ra ry ře ru rou ře | ry r rám ry rami rách
NOUN Fem ia ie ii ii/iu ií/iou ii | ie ií iím ie iemi iích
NOUN Fem ie ie ii ii ií ii | ie ií iím ie iemi iích
NOUN Fem e e i i í i | e í ím e emi ích
NOUN Fem ě ě i i í i | ě í ím ě ěmi ích
NOUN Fem ost osti osti ost ostí osti | osti ostí ostem osti ostmi ostech
NOUN Fem ová ové ové ovou ovou ové | ové ových ovým ové ovými ových
NOUN Neut o a u o em u/ě/e | a - ům a y ech/ách
NOUN Neut ko ka ku ko kem ku | ka ek kům ka ky kách
NOUN Neut ní ní ní ní ním ní | ní ní ním ní ními ních
NOUN Neut ství ství ství ství stvím ství | ství ství stvím ství stvími stvích
NOUN Neut um a u um em u | a í ům a y ech
NOUN Neut ře ře ři ře řem ři | ře ří řím ře ři řích
NOUN Neut ště ště šti ště štěm šti | ště šť štím ště šti štích
ADJ Masc ý ého ému ého/ý ým ém | é/í ých ým é ými ých
ADJ Fem á é é ou ou é | é ých ým é ými ých
ADJ Neut é ého ému é ým ém | á ých ým á ými ých
ADJ Masc ský ského skému ského/ský ským ském | ské/ští ských ským ské skými ských
ADJ Fem ská ské ské skou skou ské | ské ských ským ské skými ských
ADJ Neut ské ského skému ské ským ském | ská ských ským ská skými ských
ADJ Masc í ího ímu ího/í ím ím | í ích ím í ími ích
ADJ Fem í í í í í í | í ích ím í ími ích
ADJ Neut í ího ímu í ím ím | í ích ím í ími ích
""",
    "sl": """
NOUN Masc - a u a/- om/em u | je/i ov/ev om/em e i ih
NOUN Masc ec ca cu ca/ec cem cu | ci cev cem ce ci cih
NOUN Masc elj lja lju lja/elj ljem lju | lji ljev ljem lje lji ljih
NOUN Masc ek ka ku ka/ek kom ku | ki kov kom ke ki kih
NOUN Masc er ra ru ra/er rom ru | ri rov rom re ri rih
NOUN Masc en na nu na/en nom nu | ni nov nom ne ni nih
NOUN Masc el la lu la/el lom lu | li lov lom le li lih
NOUN Masc o a u a om u | i ov om e i ih
NOUN Masc i ija iju ija/i ijem iju | iji ijev ijem ije iji ijih
NOUN Masc y yja yju yja/y yjem yju | yji yjev yjem yje yji yjih
NOUN Masc e eja eju eja/e ejem eju | eji ejev ejem eje eji ejih
NOUN Masc r rja rju rja/r rjem rju | rji rjev rjem rje rji rjih
NOUN Fem a e i o o i | e - am e ami ah
NOUN Fem ev ve vi ev vijo vi | ve vev vam ve vami vah
NOUN Fem st sti sti st stjo sti | sti sti stim sti stmi stih
NOUN Neut o a u o om u | a - om a i ih
NOUN Neut e a u e em u | a - em a i ih
ADJ Masc i/- ega emu ega/i im em | i ih im e imi ih
ADJ Fem a e i o o i | e ih im e imi ih
ADJ Neut o ega emu o im em | a ih im a imi ih
""",
    "pl": """
NOUN Masc - a/u owi a/- em u/ie/e | y/i/owie ów om y/ów ami ach
NOUN Masc k ka/ku kowi ka/k kiem ku | ki/cy ków kom ki/ków kami kach
NOUN Masc g ga/gu gowi ga/g giem gu | gi/dzy gów gom gi/gów gami gach
NOUN Masc t ta/tu towi ta/t tem cie | ty/ci tów tom ty/tów tami tach
NOUN Masc d da/du dowi da/d dem dzie | dy/dzi dów dom dy/dów dami dach
NOUN Masc r ra/ru rowi ra/r rem rze | ry/rzy rów rom ry/rów rami rach
NOUN Masc ł ła/łu łowi ła/ł łem le | ły/li łów łom ły/łów łami łach
NOUN Masc a y/i owi ę ą ie | owie ów om ów ami ach
NOUN Masc i iego iemu iego im im | owie ich im ich imi ich
NOUN Masc y ego emu ego ym ym | owie ych ym ych ymi ych
NOUN Masc o a/- owi/- a/- em/- u/ie | owie ów om ów ami ach
NOUN Fem a y/i ie/e/y/i ę ą ie/e/y/i | y/i/e - om y/i/e ami ach
NOUN Fem ka ki ce kę ką ce | ki ek kom ki kami kach
NOUN Fem ga gi dze gę gą dze | gi g gom gi gami gach
NOUN Fem ta ty cie tę tą cie | ty t tom ty tami tach
NOUN Fem da dy dzie dę dą dzie | dy d dom dy dami dach
NOUN Fem ra ry rze rę rą rze | ry r rom ry rami rach
NOUN Fem ia ii/i ii/i ię ią ii/i | ie ii iom ie iami iach
NOUN Fem ość ości ości ość ością ości | ości ości ościom ości ościami ościach
NOUN Neut o a u o em u/ie | a - om a ami ach
NOUN Neut ie ia iu ie iem iu | ia i iom ia iami iach
NOUN Neut um um um um um um | a ów om a ami ach
ADJ Masc y ego emu ego/y ym ym | e/y ych ym e ymi ych
ADJ Fem a ej ej ą ą ej | e ych ym e ymi ych
ADJ Neut e ego emu e ym ym | e ych ym e ymi ych
ADJ Masc ki kiego kiemu kiego/ki kim kim | kie/cy kich kim kie kimi kich
ADJ Fem ka kiej kiej ką ką kiej | kie kich kim kie kimi kich
ADJ Neut kie kiego kiemu kie kim kim | kie kich kim kie kimi kich
ADJ Masc i iego iemu iego/i im im | ie/i ich im ie imi ich
ADJ Fem ia iej iej ią ią iej | ie ich im ie imi ich
ADJ Neut ie iego iemu ie im im | ie ich im ie imi ich
""",
    "ru": """
NOUN Masc - а у а/- ом/ем е | ы/и ов/ей ам ы/ов ами ах
NOUN Masc к ка ку ка/к ком ке | ки ков кам ки/ков ками ках
NOUN Masc ец ца цу ца/ец цем/цом це | цы цев цам цы/цев цами цах
NOUN Masc ин ина ину ина/ин ином/иным ине | ины инов/иных инам/иным ины ами/иными инах/иных
NOUN Masc ов ова ову ова/ов овом/овым ове | овы ов/овых овам/овым овы/овых овыми овых
NOUN Masc ев ева еву ева/ев евом/евым еве | евы ев/евых евам/евым евы/евых евыми евых
NOUN Masc ь я ю я/ь ем е | и ей ям и/ей ями ях
NOUN Masc й я ю я/й ем е/и | и ев ям и/ев ями ях
NOUN Fem а ы/и е у ой/ою е | ы/и - ам ы/и ами ах
NOUN Fem я и е ю ей е | и ь ям и ями ях
NOUN Fem ия ии ии ию ией ии | ии ий иям ии иями иях
NOUN Fem ова овой овой ову овой овой | овы овых овым овых овыми овых
NOUN Fem ева евой евой еву евой евой | евы евых евым евых евыми евых
NOUN Fem ь и и ь ью и | и ей ям и ями ях
NOUN Neut о а у о ом е | а - ам а ами ах
NOUN Neut ие ия ию ие ием ии | ия ий иям ия иями иях
ADJ Masc ый ого ому ого/ый ым ом | ые ых ым ые/ых ыми ых
ADJ Fem ая ой ой ую ой ой | ые ых ым ые/ых ыми ых
ADJ Neut ое ого ому ое ым ом | ые ых ым ые/ых ыми ых
ADJ Masc кий кого кому кого/кий ким ком | кие ких ким кие/ких кими ких
ADJ Fem кая кой кой кую кой кой | кие ких ким кие/ких кими ких
ADJ Neut кое кого кому кое ким ком | кие ких ким кие/ких кими ких
ADJ Masc ий его ему его/ий им ем | ие их им ие/их ими их
ADJ Fem яя ей ей юю ей ей | ие их им ие/их ими их
ADJ Neut ее его ему ее им ем | ие их им ие/их ими их
ADJ Masc ой ого ому ого/ой ым ом | ые ых ым ые/ых ыми ых
ADJ Fem ая ой ой ую ой ой | ые ых ым ые/ых ыми ых
ADJ Neut ое ого ому ое ым ом | ые ых ым ые/ых ыми ых
""",
    "uk": """
NOUN Masc - а/у у/ові а/- ом/ем і/у/ові | и/і ів ам и/ів ами ах
NOUN Masc к ка/ку ку/кові ка/к ком ку/кові | ки ків кам ки/ків ками ках
NOUN Masc ець ця цю/цеві ця/ець цем ці/цеві | ці ців цям ців цями цях
NOUN Masc ь я ю/еві я/ь ем і/еві | і ів ям і/ів ями ях
NOUN Masc й я ю/єві я/й єм ї/єві | ї їв ям ї/їв ями ях
NOUN Masc ій ія ію/ієві ія/ій ієм ії/ієві | ії іїв іям ії/іїв іями іях
NOUN Fem а и і у ою і | и - ам и ами ах
NOUN Fem ка ки ці ку кою ці | ки ок кам ки ками ках
NOUN Fem га ги зі гу гою зі | ги г гам ги гами гах
NOUN Fem ія ії ії ію ією ії | ії ій іям ії іями іях
NOUN Fem я і і ю ею і | і ь ям і ями ях
NOUN Fem ість ості ості ість істю ості | ості остей остям ості остями остях
NOUN Neut о а у о ом і/у | а - ам а ами ах
NOUN Neut ня ня ню ня ням ні | ня нь ням ня нями нях
ADJ Masc ий ого ому ого/ий им ому/ім | і их им і/их ими их
ADJ Fem а ої ій у ою ій | і их им і/их ими их
ADJ Neut е ого ому е им ому/ім | і их им і/их ими их
ADJ Masc ій ього ьому ього/ій ім ьому | і іх ім і/іх іми іх
ADJ Fem я ьої ій ю ьою ій | і іх ім і/іх іми іх
ADJ Neut є ього ьому є ім ьому | і іх ім і/іх іми іх
""",
}
# How the stems of adjectives end that may be guessed.
_ADJECTIVAL = re.compile("(?:sk|ck|čk|šk|žk|dzk|n|ov|ск|цк|ськ|цьк|н)$")
# What a reading by its ending is worth, and each letter of the ending.
_GUESSED, _LETTER = 0.4, 0.07
# Patterns that are less usual among names, or need a letter more, are worth less as guesses.
_RARE, _LESS = set("o us um e ek ec en er el elj ev".split()), 0.15
# Below this, what is left of a word is no stem.
_STEM = 2


class Row(NamedTuple):
    """A pattern of declension: the endings by number and case, and which adjective it belongs to."""

    pos: str
    gender: str
    endings: dict[tuple[str, str], tuple[str, ...]]
    family: int

    @property
    def lemma(self) -> tuple[str, ...]:
        """The endings of the base form."""
        return self.endings["Sing", "Nom"]


def _rows(table: str) -> list[Row]:
    rows: list[Row] = []
    family = 0
    for line in table.strip().splitlines():
        pos, gender, *cells = line.replace("|", "").split()
        if pos == "NOUN" or gender == "Masc":
            family += 1
        keys = [(number, case) for number in ("Sing", "Plur") for case in CASES]
        parts = [tuple(part.replace("-", "") for part in cell.split("/")) for cell in cells]
        rows.append(Row(pos, gender, dict(zip(keys, parts, strict=True)), family))
    return rows


ROWS = {language: _rows(table) for language, table in _TABLES.items()}


@lru_cache(1 << 16)
def readings(language: str, word: str, lemma: str | None = None) -> tuple[Word, ...]:
    """Read a word by its ending.

    language (str): The language.
    word (str): The word.
    lemma (str | None): Its lemma if that is known; else every one that the tables allow.
    RETURNS (tuple[Word, ...]): The readings.
    """
    found = {}
    low, known = word.lower(), lemma.lower() if lemma else None
    for row in _rows_of(language, known):
        for (number, case), endings in row.endings.items():
            for ending in endings:
                made = _lemma(row, low, ending, known)
                if made is None:
                    continue
                features = {"Case": case, "Gender": row.gender, "Number": number}
                reading = Word(word, made, row.pos, features, _worth(row, ending))
                found.setdefault((made, row.pos, case, row.gender, number), reading)
    return tuple(found.values())


def _worth(row: Row, ending: str) -> float:
    man = row.gender == "Masc" and row.lemma[0] in ("a", "а")
    rare = row.pos == "NOUN" and (man or row.lemma[0] in _RARE)
    return _GUESSED + _LETTER * len(ending) - (_LESS if rare else 0.0)


def _rows_of(language: str, lemma: str | None) -> list[Row]:
    """The rows of a lemma are those with its longest ending; without one all rows are."""
    rows = ROWS.get(language, [])
    if lemma is None:
        return rows
    fits = {
        id(row): max((len(e) for e in _base_endings(row) if lemma.endswith(e)), default=-1) for row in rows
    }
    longest = {pos: max(fits[id(row)] for row in rows if row.pos == pos) for pos in ("NOUN", "ADJ")}
    return [row for row in rows if fits[id(row)] == longest[row.pos] >= 0]


def _base_endings(row: Row) -> tuple[str, ...]:
    return row.lemma if row.pos == "NOUN" else _ALL_MASCULINE[id(row)]


def _lemma(row: Row, word: str, ending: str, lemma: str | None) -> str | None:
    if not word.endswith(ending):
        return None
    stem = word.removesuffix(ending)
    if len(stem) < _STEM or (stem[-1] in _VOWELS and "" in (ending, row.lemma[0])):
        return None
    if lemma is None:
        if row.pos == "ADJ":
            sure = len(ending) > 2 or _ADJECTIVAL.search(stem)
            return stem + _base_endings(row)[0] if sure else None
        return stem + row.lemma[0]
    for end in _base_endings(row):
        if lemma.endswith(end) and (end or lemma[-1] not in _VOWELS):
            base = lemma.removesuffix(end)
            # Stems may differ in their last two letters: Pavel, Pavla.
            near = len(stem) > 3 and abs(len(base) - len(stem)) < 2
            if base == stem or (near and base[:-2] == stem[: len(base) - 2]):
                # Slovene names take the definite form, so an adjective's base is made of its stem.
                return lemma if row.pos == "NOUN" else stem + _base_endings(row)[0]
    return None


_VOWELS = "aeiouyáéíóúůýěąęаеёиоуыэюяєіï"
_ALL_MASCULINE = {
    id(row): next(r.lemma for r in rows if r.family == row.family) for rows in ROWS.values() for row in rows
}


def nominative(
    language: str, lemma: str, pos: str, gender: str, number: str, people: bool = False
) -> str | None:
    """Put a lemma into the nominative.

    language (str): The language.
    lemma (str): The lemma; of an adjective the masculine one.
    pos (str): "NOUN" or "ADJ".
    gender (str): The gender that is wanted.
    number (str): "Sing" or "Plur".
    people (bool): Whether people are meant, whose plural may differ.
    RETURNS (str | None): The form; None if no table has the lemma.
    """
    low = lemma.lower()
    best: tuple[int, str] | None = None
    for row in ROWS.get(language, ()):
        if row.pos != pos or row.gender != gender:
            continue
        for end in _base_endings(row):
            vowel = not end and low[-1:] in _VOWELS
            if low.endswith(end) and not vowel and (best is None or len(end) > best[0]):
                endings = row.endings[number, "Nom"]
                ending = endings[-1 if people and number == "Plur" else 0]
                best = len(end), lemma[: len(lemma) - len(end)] + ending
    return best and best[1]
