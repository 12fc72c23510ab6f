"""The words in which people say when, in English, German, French, Spanish, Italian, Portuguese and Dutch.

Written as `when.fold` leaves them: small letters, no accents. Short forms that are also other words (`sun`, `mon`,
`so`) stay out. Data only.
"""

from __future__ import annotations

_MONTHS = (
    "january jan januar janner janvier janv enero ene gennaio gen janeiro januari",
    "february feb februar fevrier fevr febrero febbraio fevereiro februari",
    "march mar marz mrz mars marzo marco maart",
    "april apr avril avr abril abr aprile",
    "may mai mayo maggio mag maio mei",
    "june jun juni juin junio giugno giu junho",
    "july jul juli juillet juil julio luglio lug julho",
    "august aug aout agosto ago augustus",
    "september sep sept septembre septiembre set settembre setembro",
    "october oct oktober okt octobre octubre ottobre ott outubro",
    "november nov novembre noviembre novembro",
    "december dec dezember dez decembre dicembre dic diciembre dezembro",
)
_WEEKDAYS = (
    "monday montag lundi lunes lunedi segunda-feira maandag",
    "tuesday tue tues dienstag mardi martes martedi terca-feira dinsdag",
    "wednesday wed mittwoch mercredi miercoles mercoledi quarta-feira woensdag",
    "thursday thu thur thurs donnerstag jeudi jueves giovedi quinta-feira donderdag",
    "friday fri freitag vendredi viernes venerdi sexta-feira vrijdag",
    "saturday samstag samedi sabado sabato zaterdag",
    "sunday sonntag dimanche domingo domenica zondag",
)
_SEASONS = (
    "spring fruhling fruhjahr printemps primavera lente",
    "summer sommer ete verano estate verao zomer",
    "autumn fall herbst automne otono autunno outono herfst",
    "winter hiver invierno inverno",
)
_UNITS = {
    "day": "day days tag tage tagen jour jours dia dias giorno giorni dag dagen",
    "week": "week weeks woche wochen semaine semaines semana semanas settimana settimane weken",
    "month": "month months monat monate monaten mois mes meses mese mesi maand maanden",
    "year": "year years jahr jahre jahren an ans annee annees ano anos anno anni jaar",
    "weekend": "weekend weekends wochenende week-end",
}
_NUMBERS = (
    "a an one ein einem einer un une una uno um uma een the",
    "two couple zwei deux dos due dois duas twee",
    "three few drei trois tres tre drie",
    "four several vier quatre cuatro quattro quatro",
    "five funf cinq cinco cinque vijf",
    "six sechs seis sei zes",
    "seven sieben sept siete sette sete zeven",
    "eight acht huit ocho otto oito",
    "nine neun neuf nueve nove negen",
    "ten zehn dix diez dieci dez tien",
    "eleven elf onze once undici",
    "twelve zwolf douze doce dodici doze twaalf",
)


def _numbered(lines: tuple[str, ...]) -> dict[str, int]:
    return {word: n for n, line in enumerate(lines, 1) for word in line.split()}


MONTHS = _numbered(_MONTHS)
WEEKDAYS = {word: n - 1 for word, n in _numbered(_WEEKDAYS).items()}
SEASONS = _numbered(_SEASONS)
NUMBERS = _numbered(_NUMBERS)
UNITS = {word: unit for unit, line in _UNITS.items() for word in line.split()}

_FEASTS = {
    "christmas": "christmas xmas weihnachten noel navidad natale natal kerst kerstmis",
    "christmas eve": "christmas-eve heiligabend nochebuena",
    "new year": "new-year new-year's new-years neujahr nouvel-an ano-nuevo capodanno",
    "new year's eve": "new-year's-eve new-years-eve silvester nochevieja saint-sylvestre",
    "easter": "easter ostern paques pascua pasqua pascoa pasen",
    "halloween": "halloween",
    "valentine": "valentine valentines valentinstag saint-valentin san-valentin san-valentino",
    "thanksgiving": "thanksgiving",
}
FEASTS = {word.replace("-", " "): feast for feast, line in _FEASTS.items() for word in line.split()}

DAYS = {
    "the day before yesterday": -2, "day before yesterday": -2, "vorgestern": -2, "avant-hier": -2, "anteayer": -2,
    "yesterday": -1, "last night": -1, "gestern": -1, "hier": -1, "ayer": -1, "ieri": -1, "ontem": -1, "gisteren": -1,
    "today": 0, "tonight": 0, "this morning": 0, "heute": 0, "aujourd'hui": 0, "hoy": 0, "oggi": 0, "hoje": 0,
    "vandaag": 0, "tomorrow": 1, "ubermorgen": 2, "demain": 1, "domani": 1, "amanha": 1,
}  # fmt: skip
"""Days from today. `morgen` and `mañana` also mean morning, so they stay out."""

_WHICH = (
    "last past previous letzte letzten letzter letztes vorige vorigen vergangene vergangenen dernier derniere derniers"
    " dernieres pasado pasada pasados pasadas ultimo ultima ultimos ultimas scorso scorsa passado passada afgelopen",
    "next coming nachste nachsten nachster nachstes kommende kommenden prochain prochaine proximo proxima prossimo"
    " prossima volgende",
    "this current diese diesen dieser dieses ce cet cette este esta questo questa deze dit",
    "in of during since until before after im seit bis vor nach en de depuis avant desde durante hasta nel di em",
)
LAST, NEXT, THIS, IN = (line.split() for line in _WHICH)
"""`IN` are words after which a month, a season or a year stands for a time and not for a name or a verb."""
