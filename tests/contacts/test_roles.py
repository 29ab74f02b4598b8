"""Facts about the words for roles: heads of delegations, offices and people who work for members,
in the languages of the Assembly's delegations. What is not understood stays so: no letter goes to
it.
"""

from __future__ import annotations

import pytest

from mailer.contacts.rows.row_reader import meaning_of

WORDS = {
    "chair": (
        "Chair of the Latvian delegation; Head of the French delegation; President of the "
        "delegation; Cheffe de la délégation; Présidente de la délégation; "
        "Delegationsvorsitzende; Capodelegazione; Jefa de la delegación; Presidenta de la "
        "delegació; Chefe da delegação; hoofd van de delegatie; Szefowa delegacji; Vedoucí "
        "delegace; PŘEDSEDKYNĚ DELEGACE; Vedúca delegácie; Vodja delegacije; Voditeljica "
        "izaslanstva; Predsjednica delegacije; Шеф делегације; Председница делегације; "
        "Ръководител на делегацията; Раководител на делегацијата; Керівниця делегації; "
        "Руководитель делегации; Πρόεδρος της αντιπροσωπείας; Επικεφαλής Αντιπροσωπείας; A "
        "küldöttség vezetője; Valtuuskunnan puheenjohtaja; Delegationens ordförande; "
        "Delegasjonsleder; Formand for delegationen; Formaður Íslandsdeildar; Delegatsiooni "
        "esimees; Delegācijas vadītāja; Delegacijos pirmininkė; Șefa delegației; Conducătorul "
        "delegației; Kryetare e delegacionit; Kap tad-delegazzjoni; Ceann na Toscaireachta; "
        "Delegatiounschef; Nümayəndə heyətinin rəhbəri; Պատվիրակության ղեկավար; დელეგაციის "
        "ხელმძღვანელი; Heyet Başkanı"
    ),
    "secretary": (
        "Secretary of the Latvian delegation; Secrétaire administrative; Tajemnice delegace; "
        "Tajnica izaslanstva; Секретар на делегацията; Γραμματέας της αντιπροσωπείας; A "
        "küldöttség titkára; Valtuuskunnan sihteeri; Delegationssekreterare; Ritari "
        "Íslandsdeildar; Delegatsiooni sekretär; Delegācijas sekretāre; Delegacijos sekretorė; "
        "Secretar al delegației; Sekretare e delegacionit; Պատվիրակության քարտուղար; დელეგაციის "
        "მდივანი; Rúnaí na toscaireachta"
    ),
    "group leader": (
        "Présidente du groupe SOC; Chair of the political group; Předseda frakce; Голова "
        "політичної групи; Frakcióvezető; Frakcijos seniūnas; Ryhmän puheenjohtaja"
    ),
    "group secretary": (
        "Secretary of the EPP group; Secretary of the political group; Frakciótitkár"
    ),
    "committee chair": (
        "Presidenta de la comisión; Předsedkyně výboru; Utskottsordförande; Bizottsági elnök; "
        "Președinta comisiei; Komiteto pirmininkė; Πρόεδρος της επιτροπής; Valiokunnan "
        "puheenjohtaja"
    ),
    "rapporteur": (
        "Zpravodajka; Izvjestiteljica; Εισηγήτρια; Előadó; Saksordfører; Pranešėja; Ziņotāja"
    ),
    "assistant": ("Asistentka; Pomočnica; Συνεργάτης; Avustaja; Aðstoðarmaður; Padėjėja; Palīgs"),
}


@pytest.mark.parametrize(
    ("word", "role"),
    [(word.strip(), role) for role, words in WORDS.items() for word in words.split(";")],
)
def test_role_is_understood_in_the_language_of_the_delegation(word: str, role: str) -> None:
    assert meaning_of("role", word) == role


@pytest.mark.parametrize(
    "word",
    [
        "Deputy head of the Latvian delegation", "Vice-présidente de la délégation",
        "Zástupce vedoucího delegace", "Chair of the French-Latvian friendship group", "Latvian",
        "Chair of the French and German delegations",
        "Friend of the Latvian delegation", "Ordfører",
    ],
)  # fmt: skip
def test_role_that_is_not_understood_is_none(word: str) -> None:
    assert meaning_of("role", word) is None
