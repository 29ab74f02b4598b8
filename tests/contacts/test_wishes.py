"""Facts about what is written beside a person: who wants no letters is asked about until somebody
has looked, and a harmless remark leaves nobody out.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from mailer.contacts.book import load_contacts
from mailer.contacts.edit import fix
from mailer.contacts.sheets.vocabulary import wants_no_letters

WISHES = """
ne plus écrire
asked not to be contacted
bitte keine Mails mehr
a demandé à ne plus être contacté
möchte nicht mehr angeschrieben werden
Do not contact!
don't email her again
does not want to receive letters from us
unsubscribed by phone, 3 May
opted out of our mailings
please remove her from the list
objected to the processing of personal data
GDPR erasure request 2025
no more e-mails please
Ne pas contacter
ne souhaite plus recevoir de courriels
désabonnée le 3 mai
ne veut pas être sollicité
plus de mails svp
s'oppose au traitement de ses données
keine Post mehr
nicht mehr anschreiben
will keine E-Mails
aus dem Verteiler genommen
hat der Verarbeitung ihrer Daten widersprochen
Löschung verlangt
non scrivere più
non desidera ricevere e-mail
chiede di non essere contattata
no escribir más
no desea recibir correos
pidió no recibir más correos
não quer receber e-mails
pediu para não ser contactada
niet meer mailen
wil geen mails meer
prosi o niepisanie
nie życzy sobie korespondencji
proszę nie pisać
nepsat!
nepřeje si dostávat e-maily
neposielať maily
ne želi primati mailove
odjavljena 2025
не писати більше
больше не писать
не бажає отримувати листи
да не се пише: не желае имейли
mail göndermeyin
e-posta istemiyor
vill inte ha mejl
inte kontakta
ønsker ikke e-post
ikke kontakt
frabeder sig henvendelser
ei halua sähköpostia
älä lähetä mitään
mitte kirjutada
nevēlas saņemt vēstules
nesiųsti laiškų
ne írjunk neki
nem kér levelet
nu mai dorește mesaje
nu contactați
να μην του στέλνετε
δεν επιθυμεί επικοινωνία
mos e kontaktoni
აღარ მისწეროთ
չգրել
vill ekki póst
do not write to him any more
spoke to assistant: do not contact
asked us to stop
deceased
verstorben
decided to opt out of the mailing
not to be contacted (see mail of 3 May)
has asked to be removed from the mailing list
consent withdrawn
hat Einwilligung widerrufen
leave her alone
stop sending
wants no letters
möchte keine Zuschriften
bitte nicht anschreiben
bitte nicht mehr kontaktieren
ne pas envoyer de mails
ne plus contacter (demande du 3.5.)
doit être retiré de la liste
demande sa désinscription
no contact
bounced
"""

HARMLESS = """
prefers calls in the morning
do not call before 10
speaks no English
not in Strasbourg in January
does not speak French; contact her assistant
Committee on Equality and Non-Discrimination
No Hate Parliamentary Alliance
no email address found
no phone
replaced Mr Model in May
ne parle pas anglais
préfère le français
pas de téléphone
pas de mail connu
absent en janvier
ne siège plus à la commission
ne vote pas
rapporteur on stop violence
stops in Strasbourg on Monday
spricht nicht Englisch
keine E-Mail-Adresse bekannt
nicht im Büro am Freitag
keine Angabe
Büro in Berlin
möchte auf Deutsch angeschrieben werden
wants letters in German
write in French, please
please write to her assistant too
contact via secretariat
do not write in English
do not contact by phone
do not write before 9
non parla inglese
nessun telefono
non ancora membro
no habla inglés
no tiene teléfono
não fala inglês
spreekt geen Engels
geen telefoon
nie mówi po angielsku
nie głosował
nemluví anglicky
není členem výboru
ne govori engleski
не говорить англійською
не голосовал
İngilizce bilmiyor
pratar inte engelska
snakker ikke engelsk
ei puhu englantia
nem beszél angolul
nu vorbește engleza
δεν μιλάει αγγλικά
voted against the resolution
objected to the report in committee
hat dem Bericht widersprochen
s'oppose à la résolution
abgemeldet zur Sitzung am Montag
removed from the party list in 2024
blacklisted by Russia
not re-elected, mandate until June
new assistant since May: Anna Model
asked for a meeting in Strasbourg
asked not to speak in the debate
wrote back on 3 May, friendly
sent letter on 3 May, no answer
no reply yet
never answers mails
does not answer e-mails
unlikely to vote for
opposes the motion
signed the declaration
member of the no-vote group
wants to be informed about the vote
nicht verfügbar bis März
will nicht mit der Presse sprechen
ne pas appeler après 20 h
ne souhaite pas de cadeaux
do not send attachments
Twitter: @anna_prove
www.anna.example
Stopover in Frankfurt
GDPR rapporteur
right to be forgotten: rapporteur
data protection committee
kein Mitglied der Fraktion
substitute for Mr Model
speaker no longer in the bureau
not a member of ALDE
contact no. 12
mail sent
letter no 3
late husband was a minister
letter answered; not interested in the topic
plus jeune députée
plus de 20 ans au Parlement
no more than two terms
no longer chairs the committee
keine Kinder
niet aanwezig
inte närvarande
does not want war
wants to stop the war
write to Parliament, not home
"""


@pytest.mark.parametrize("remark", WISHES.split("\n")[1:-1])
def test_a_wish_for_no_letters_is_heard_in_the_words_of_an_office(remark: str) -> None:
    assert wants_no_letters(remark)


def test_harmless_remarks_leave_nobody_out() -> None:
    assert [remark for remark in HARMLESS.split("\n") if wants_no_letters(remark)] == []


@pytest.mark.parametrize(
    "line",
    [
        "Anna PRØVE (do not contact),anna@x.example,,",
        "Anna PRØVE,anna@x.example (unsubscribed),,",
        "Anna PRØVE,anna@x.example,asked not to be contacted,",
        "Anna PRØVE,anna@x.example,,ne plus écrire",
        "Anna PRØVE,anna@x.example,resigned 3.5.2026,",
    ],
)
def test_a_wish_is_asked_about_at_its_cell_wherever_it_stands(tmp_path: Path, line: str) -> None:
    (tmp_path / "contacts").mkdir()
    lines = f"Name,E-mail,Notes,More\n{line}\nOla SKISSE,ola@x.example,phones gladly,\n"
    (tmp_path / "contacts" / "norway.csv").write_text(lines, encoding="utf-8")
    book = load_contacts(tmp_path)
    assert [bool(one.skip) for one in book.contacts] == [True, False]
    (told,) = [one for one in book.problems if one.code == "C153"]
    assert told.value in line
    assert told.value
    done = "take the row out" if "resigned" in line else "mailer contacts hold 'Anna"
    assert str(told.suggestion).startswith(done)
    codes = {one.code for one in book.problems}
    assert fix.repairs(book, only=codes) == fix.repairs(book) == []  # nothing wipes it out
