"""Invents the people of the demo's contact sheets.

Nobody here exists. The 46 delegations and their seats are those of the Parliamentary Assembly of the Council of
Europe (Statute, article 26; Türkiye has 18 seats since June 2015): 306 representatives and 306 substitutes. The
names join common given names to surnames that mean "example", "trial" or "sketch", or name a place that is on no
map. Every address ends in `.example`, which RFC 2606 keeps free for ever: a letter sent there can reach nobody.

    python contacts/invent.py                    writes the sheets of this folder anew
    python contacts/invent.py --out /tmp/sheets  writes them elsewhere
    python contacts/invent.py --seed 7           deals other names to the same seats

The same seed makes the same people, and the same bytes in every file. The sheets are as untidy as those that
people keep: headings in four languages, three file formats, names in four scripts, and twenty people who cannot
be written to or must not be (`LEFT_OUT`).

Tests and benchmarks import `people()`, the 612 of the sheets, and `many()`, any number of blameless ones.
"""

from __future__ import annotations

import argparse
import csv
import io
import random
import re
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import cycle, groupby, islice
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

SEED = 46
UPDATED = datetime(2026, 11, 12)
"""The date that the sheets bear, inside and in their properties."""


# ------------------------------------------------------------------------------------------------ who sits where

DELEGATIONS: dict[str, tuple[str, int]] = {
    code: (name.strip(), int(seats))
    for code, seats, name in (
        line.split(maxsplit=2)
        for line in [
            "\n        AL 4 Albania",
            " AD 2 Andorra",
            " AM 4 Armenia",
            " AT 6 Austria",
            " AZ 6 Azerbaijan",
            " BE 7 Belgium",
            "\n        BA 5 Bosnia and Herzegovina",
            " BG 6 Bulgaria",
            " HR 5 Croatia",
            " CY 3 Cyprus",
            " CZ 7 Czech Republic",
            " DK 5 Denmark",
            "\n        EE 3 Estonia",
            " FI 5 Finland",
            " FR 18 France",
            " GE 5 Georgia",
            " DE 18 Germany",
            " GR 7 Greece",
            " HU 7 Hungary",
            "\n        IS 3 Iceland",
            " IE 4 Ireland",
            " IT 18 Italy",
            " LV 3 Latvia",
            " LI 2 Liechtenstein",
            " LT 4 Lithuania",
            " LU 3 Luxembourg",
            "\n        MT 3 Malta",
            " MC 2 Monaco",
            " ME 3 Montenegro",
            " NL 7 Netherlands",
            " MK 3 North Macedonia",
            " NO 5 Norway",
            "\n        PL 12 Poland",
            " PT 7 Portugal",
            " MD 5 Republic of Moldova",
            " RO 10 Romania",
            " SM 2 San Marino",
            " RS 7 Serbia",
            "\n        SK 5 Slovak Republic",
            " SI 3 Slovenia",
            " ES 12 Spain",
            " SE 6 Sweden",
            " CH 6 Switzerland",
            " TR 18 Türkiye",
            "\n        UA 12 Ukraine",
            " GB 18 United Kingdom\n        ",
        ]
    )
}
"""Code → (name, seats), by the names that the Assembly prints; there are as many substitutes as seats."""

TWO_CHAMBERS = ["AT", "BE", "CH", "CZ", "ES", "FR", "IT", "NL", "PL", "RO"]
ONE_CHAMBER = {"DE": "deputy", "GB": "commons"}
"""Delegations whose sheet names the chamber although (nearly) all come from the same one."""

GROUPS = ["SOC"] * 4 + ["EPP/CD"] * 4 + ["ECPA"] * 3 + ["ALDE"] * 3 + ["UEL"] + [""] * 2
"""The political groups, as often as they turn up here; empty is a member of no group."""

NOTES = (
    "new since January 2026",
    "reads letters on paper, too",
    "office answers; ask for the assistant",
    'says: "short letters, please"',
    "met in Strasbourg, spring 2026",
)

# One pool of names: code, language that people of the pool prefer and the share (%) for whom the sheet says so;
# women's names; men's names; surnames, where "A/B" is his form and hers. Belgium and Switzerland have a pool for
# each language.
NAMES = """
AL en 35
Arta Drita Elira Teuta Majlinda
Agim Ilir Genti Besnik Luan
Shembulli, Provëza, Gurëbardhi, Ujëkthella, Lisgjata, Çezmaja

AD fr 90
Meritxell Núria Laia
Arnau Guillem Jordi
Exemple Vallfosca, Prova Collserrat, de la Mostra, Model i Pradell

AM en 40
Anahit Siranush Lusine Gayane Nvard
Tigran Vardan Hayk Aram Gevorg
Orinakyan, Pordzyan, Nmushyan, Lernadzoryan, Tsaghkavanyan, Dzoraberdyan

AT de 90
Katharina Johanna Theresia Waltraud Magdalena Elfriede
Lukas Matthias Florian Georg Leopold Anton
Beispielhuber, Musterlechner, Probenegger, Übungsberger, Jausenthaler, Wiesenbrückner, Großmustner, Tannmühler-Entwurf

AZ en 30
Aygün Sevinc Gülnar Ləman Nərmin Fidan
Elçin Rəşad Tural Vüqar Orxan Fərid
Nümunəli, Misalzadə, Sınaqov/Sınaqova, Düzbulaqov/Düzbulaqova, Çaylaqlı, Göydağlı, Örnəkzadə

BE fr 90
Bénédicte Maëlle Françoise Héloïse
Benoît Thibault Gaëtan Rémi
Delexemple, Dumodèle, Lessaye, de Préfeuille

BE en 40
Veerle Lieselot Griet Annelies
Joris Wouter Pieter Stijn
Van den Proefberg, Vanvoorbeelde, Proefmans, De Stalenbosch, Toetsaerts

BA en 35
Amra Lejla Jasna Mirela Dženana
Emir Goran Adnan Zoran Mladen
Primjerović, Uzorčić, Oglednjak, Kamenopoljac, Šljivobrodić, Čamcohodžić

BG en 35
Tsvetelina Rositsa Desislava Yordanka Milena
Plamen Kaloyan Ognyan Stoyan Borislav
Primerov/Primerova, Probnev/Probneva, Obraztsarov/Obraztsarova, Krivorechki/Krivorechka,
Byalokamenov/Byalokamenova, Opitnikov/Opitnikova, Gorodolski/Gorodolska

HR en 40
Ivana Marija Željka Nikolina Đurđica
Tomislav Krešimir Hrvoje Zvonimir Ante
Primjerić, Uzorković, Ogledinić, Pokusović, Šumobrijeg, Čistopotočki/Čistopotočka

CY en 60
Chrystalla Despo Androulla
Kypros Stelios Panikos
Paradeigmatos, Dokimiou, Ypodeigmatou, Petraloniti

CZ en 40
Alžběta Kateřina Zdeňka Jiřina Markéta Růžena
Ondřej Jiří Vojtěch Zdeněk Přemysl Matěj
Příkladný/Příkladná, Vzorníček/Vzorníčková, Ukázka/Ukázková, Zkoušecký/Zkoušecká, Pokusník/Pokusníková,
Bílolhotský/Bílolhotská, Šípomlýnek/Šípomlýnková, Náčrtek/Náčrtková

DK en 45
Kirsten Sørine Åse Birgitte Bodil
Søren Jørgen Bjarne Kåre Asger
Eksempelgaard, Prøvestrup, Mønsterby, Skitsebæk, Øvelsbjerg, Stikprøve-Lund

EE en 40
Liisa Õnne Külli Maarja
Tõnu Ülo Jüri Märt
Näidissaar, Proovimägi, Katseoja, Mudelipõld

FI en 40
Aino Päivi Sirkka Tuulikki Hilkka
Väinö Yrjö Jyrki Esko Pentti
Esimerkkilä, Mallipuro, Koekangas, Kokeiluoja, Harjoituslahti, Näytemäki

FR fr 92
Anaïs Bénédicte Chloé Clémence Éloïse Françoise Geneviève Hélène Inès Joëlle Marie-Claire Océane Solène Zoé
Benoît Cédric Étienne François Gaëtan Grégoire Hervé Jean-Baptiste Joël Loïc Raphaël Stéphane Théo Yves-Marie
Exemplaire, Dumodèle, Lessai, Léchantillon, de Prévoyance, Bellépreuve, Montfictif, Ébauchard, Croquisier,
du Spécimen, Rochetémoin, Le Brouillon, Fontinventée, Maquettier, d'Imaginaire, Valprobant, Durand-Exemple,
Champsupposé, Boisfeint, Ville-Hypothèse, Grandmodèle, Pontdessin

GE en 35
Ketevan Tamar Manana Eka Lela
Davit Zurab Levan Malkhaz Vakhtang
Magalitadze, Nimushashvili, Tsdashvili, Gamotsdelidze, Modelashvili, Mtisdzireli

DE de 90
Anneliese Bärbel Brigitte Dörte Elke Friederike Gesine Grete Heike Jördis Käthe Lieselotte Renate Ulrike
Bernd Dieter Eberhard Friedhelm Günther Hartmut Heinz-Jürgen Jörg Jürgen Klaus-Peter Rüdiger Sönke Uwe Volker
Beispiel, Musterfrau-Groß, Probestein, Übungsfeld, Straßmuster, Entwurfner, Musterloh, Kesselweiher, Vorlagemann,
Wieselbrück, Großbeispiel, Versuchsen, Schaustück, Modellhagen, Fußwinkel, von der Probe, zu Musterau, Blindtexter,
Attrappenberg, Lindenmuster, Scheinholz

GR en 40
Eleni Sofia Katerina Vasiliki Ioanna Despoina
Nikos Giorgos Kostas Panagiotis Thanasis Stavros
Paradeigmatidis/Paradeigmatidou, Dokimakis/Dokimaki, Protypakis/Protypaki, Deigmatopoulos/Deigmatopoulou,
Kalovrysiotis/Kalovrysioti, Schedianos/Schedianou, Petromylos/Petromylou

HU en 35
Zsófia Ágnes Erzsébet Ildikó Tünde Gyöngyi
Zoltán Gergő László Ödön Győző Márton
Példás, Mintaházi, Próbaházy, Vázlatfői, Kísérletfi, Mintahegyi, Őszpatak-Példa, Tükörvölgyi

IS en 60
Guðrún Þórdís Sigríður
Þorsteinn Björn Guðmundur
Dæmason/Dæmadóttir, Prófunarson/Prófunardóttir, Sýnisson/Sýnisdóttir, Tilraunarson/Tilraunardóttir

IE en 95
Aoife Niamh Siobhán Gráinne
Cillian Pádraig Eoghan Tadhg
O'Pattern, Mac Sampla/Nic Sampla, O'Specimen, Draftigan, Ó Triail/Ní Thriail

IT it 90
Beatrice Carlotta Chiara Costanza Donatella Fiorella Ilaria Lucrezia Marta Ornella Patrizia Rosalba Serena Viola
Alberto Cosimo Davide Edoardo Fabrizio Gianluca Leonardo Niccolò Ottavio Pasquale Raffaele Salvatore Tommaso Ugo
Esempio, Modellini, Provasecca, Campionari, Schizzetti-Prova, De Prototipo, Della Prova, Finzione, Saggiofino,
D'Ipotesi, Montefinto, Valdiprova, Fontefinta, Dell'Abbozzo, Pontemodello, Casafantasia, Roccamostra, Lo Specimen,
Bellacopia, Stampatello, Cittàimmaginaria

LV en 35
Ilze Līga Mārīte
Jānis Ģirts Kārlis
Paraugs/Parauga, Piemēriņš/Piemēriņa, Mēģinājs/Mēģināja, Skicītis/Skicīte

LI de 90
Ursina Walburga Regula
Alfons Egon Quirin
Beispieler, Probbühl, Talmuster, Entwurfmatt

LT en 35
Rūta Živilė Eglė Daiva
Žilvinas Šarūnas Vytenis Kęstutis
Pavyzdys/Pavyzdienė, Bandomas/Bandomaitė, Mėginskas/Mėginskaitė, Eskizauskas/Eskizauskienė, Ąžuolbalis/Ąžuolbalienė

LU fr 90
Mariette Joëlle Fabienne
Fränk Romain Nicolas
Beispill, Proufbierg, Modellwiss, Exempel-Duerf

MT en 95
Ċensa Marlene Doreen
Ġorġ Karmenu Żeppi
Eżempju, Kampjunelli, Provagħar, Ħaġarbajda

MD en 35
Tatiana Ludmila Angela Doina Viorica
Vasile Ion Mihail Grigore Sergiu
Exemplaru, Mostreanu, Probescu, Încercaru, Schițeanu, Fântânaru-Model

MC fr 95
Maguelonne Sidonie Apolline
Honoré Fulgence Aurèle
Exemplat, Rocmodel, Portépreuve, de Maquette

ME en 40
Milica Anđela Jovana
Vuk Blažo Veselin
Oglednović, Uzorović, Crnokamenić, Pokušajević

NL en 55
Marijke Annemiek Fleur Hanneke Tineke Willemijn
Sjoerd Maarten Gijs Ruben Teun Floris
van der Voorbeeld, de Proefpersoon, Schetsema, van 't Model, Toetsinga, Steekproefstra, ten Oefenoord,
Klaverbeekstein

MK en 35
Biljana Vesna Snežana
Zlatko Blagoj Trajče
Primeroski/Primeroska, Probevski/Probevska, Ogledovski/Ogledovska, Beloezerski/Beloezerska

NO en 45
Ingrid Sølvi Åse Turid Gunnhild
Øyvind Håkon Bjørn Torstein Åsmund
Eksempelstad, Prøveng, Mønsterøy, Utkastvik, Øvingsmo, Skissebø

PL pl 45
Agnieszka Bożena Elżbieta Grażyna Jolanta Małgorzata Wiesława Żaneta Łucja
Bogusław Czesław Grzegorz Jędrzej Łukasz Paweł Stanisław Wojciech Zdzisław
Przykładowski/Przykładowska, Wzorkiewicz, Próbecki/Próbecka, Szkicowski/Szkicowska, Okazowicz, Zmyślny/Zmyślna,
Modelewski/Modelewska, Ćwiczeński/Ćwiczeńska, Białostrużka, Kłosobrodzki/Kłosobrodzka, Makietowicz, Brudnopis,
Źródłosłowski/Źródłosłowska, Gęsiomostowski/Gęsiomostowska

PT en 40
Conceição Inês Fátima Graça Luísa Patrícia
Gonçalo João Simão Tomé Vasco Estêvão
Exemplo Paraíso, Amostra da Silveirinha, Modelo Fontaínhas, Ensaio Brandãozinho, Protótipo Serrão,
Rascunho de Leirós, Esboço Vilanova, Vale Fictício

RO fr 30
Ștefania Ioana Mădălina Cătălina Rodica Anca Smaranda
Ștefan Răzvan Cătălin Mircea Horațiu Octavian Dănuț
Exempleanu, Mostrescu, Probanu, Încercățeanu, Schițescu, Machetaru, Modelăreanu, Fântânescu-Probă, Pietrălungă,
Ciornescu, Specimenaru

SM it 90
Loredana Gabriella Simona
Marino Settimio Corrado
Esemplari, Titanprova, Borgomodello, Della Mostra

RS en 35
Jelena Snežana Dragana Ljiljana Gordana Živana
Nenad Đorđe Miloš Živko Radovan Predrag
Primerković, Uzoraković, Probanović, Oglednić, Skicović, Šarenobrdski, Čudnopoljac, Belovodić-Probni

SK en 35
Ľubica Božena Zuzana Žofia Katarína
Ľubomír Štefan Juraj Ladislav Vladimír
Príkladný/Príkladná, Vzorka/Vzorková, Skúšobník/Skúšobníková, Ukážkovič/Ukážkovičová, Bielopotocký/Bielopotocká

SI en 40
Špela Metka Živa
Matjaž Črt Žiga
Primerjavec, Vzorčan, Poskusnik, Zglednik

ES es 50
Begoña Concepción Encarnación Inés Itziar Montserrat Pilar Rocío Verónica
Álvaro Andrés Fermín Íñigo Joaquín Martín Raúl Sebastián Tomás
Ejemplo Paraíso, Muestra Villafría, Prueba Montaña, Modelo Peñalba, Ensayo Cañada, de la Muestra, Boceto Riofrío,
Figurado Llanos, Supuesto Arroyuelo, Ficticio Valdeprado, Borrador Castañar

SE en 45
Åsa Gunilla Märta Birgitta Kerstin Solveig
Göran Håkan Björn Åke Sören Östen
Exempelgren, Provström, Mönsterlöv, Utkastberg, Skissmark, Övningsdal, Stickprovsén, Förlagsby

CH de 90
Vreni Ursula Rösli Franziska
Ueli Reto Urs Beat
Musterlin, Probenbühler, Zumversuch, Tobelmuster, Beispielegg

CH fr 90
Mireille Noémie Solange
Yannick Blaise Aurèle
Exemplaz, Modélet, Essayoz

CH it 90
Fulvia Nives
Tiziano Elvezio
Esempini, Provasca

TR tr 45
Ayşe Çiğdem Elif Gülşen Hatice İnci Müge Nurgül Özlem Pınar Şebnem Tuğba Yıldız Zübeyde
Bülent Çağrı Ferhat Görkem Hakkı Işık İlker Kadir Mehmet Oğuz Özgür Şükrü Turgut Yiğit
Örnekoğlu, Numuneci, Denemeoğlu, Modelgil, Taslakçı, Sınamaz, Provacıoğlu, Çizimgil, Kurgulu, Uydurukoğlu,
Gölgeışık, Karşıdağlı, Iğdıralan, Yalıçeşme, Örneksoy, Kırkdeğirmen, Düşbağı, Boşlukdolduran, Şablonoğlu,
Ilıksuoğlu, Günörneği

UA uk 45
Oksana Iryna Halyna Nataliia Svitlana Liudmyla Yaroslava Bohdana
Oleksii Taras Bohdan Mykola Ostap Serhii Vasyl Yevhen
Prykladenko, Zrazkovskyi/Zrazkovska, Sprobiuk, Probnenko, Vzirchuk, Eskizenko, Modelchuk, Doslidchuk, Vyhadanko,
Sribnokrynskyi/Sribnokrynska, Chernetkivskyi/Chernetkivska

GB en 95
Agatha Bronwen Catriona Deborah Edith Fiona Gwyneth Harriet Imogen Lorna Morag Philippa Rosalind Winifred
Alasdair Barnaby Clive Dafydd Edmund Fergus Gareth Hugh Iain Jasper Kenneth Lachlan Rhodri Tristan
Sampleton, Specimen, Patternby, Mockingham, Draftwell, Protheram, Trialford, Exampleby, McSample, Dummington,
Placeholder, ap Enghraifft, Rehearsall, Fairsketch, Stubbington-Model, Pretendham, Inventley, Fictionbury,
Modelthwaite, Supposewick, Blankenhythe
"""

# People written by hand, by their place in the delegation: 1 is the chair, then the other representatives, then
# the substitutes.
BY_HAND: dict[str, dict[str, str]] = {
    "GB 6": {"title": "Lord", "given": "Aubrey", "surname": "Thistlemere", "gender": "m", "chamber": "lords"},
    "GB 11": {"title": "Baroness", "given": "Cordelia", "surname": "Wexmoor-Sample", "gender": "f",
              "chamber": "lords"},
    "GB 15": {"title": "Sir", "given": "Peregrine", "surname": "Quillbrook-Mock", "gender": "m"},
    "GB 24": {"title": "Dame", "given": "Rosamund", "surname": "Fairpattern", "gender": "f"},
    "IE 2": {"given": "Orla", "surname": "O'Sample", "gender": "f"},
    "IT 7": {"given": "Vito", "surname": "D'Esempio", "gender": "m"},
    "IT 25": {"given": "Ginevra", "surname": "Dall’Esempio", "gender": "f"},
    "NO 8": {"given": "Elin", "surname": "Nordvik-Prøve", "gender": "f"},
    "NL 4": {"given": "H.J.", "surname": "van der Proef", "gender": "m"},
    "NL 12": {"given": "Joost", "surname": "Voorbeeld", "gender": "m"},
    "FI 6": {"given": "", "surname": "Näyttö", "gender": "f"},
    "CY 2": {"given": "Χρυσούλα", "surname": "Προχειρίδου", "gender": "f"},
    "GR 3": {"given": "Αγγελική", "surname": "Υποθετίδου", "gender": "f"},
    "GR 10": {"given": "Σπύρος", "surname": "Δειγματάκης", "gender": "m"},
    "GE 3": {"given": "ნინო", "surname": "მაგალითაური", "gender": "f"},
    "GE 8": {"given": "გიორგი", "surname": "ნიმუშიძე", "gender": "m"},
    "BG 4": {"given": "Мария", "surname": "Примеркова", "gender": "f"},
    "BG 9": {"given": "Йордан", "surname": "Пробников", "gender": "m"},
    "RS 3": {"given": "Љубица", "surname": "Огледић", "gender": "f"},
    "RS 11": {"given": "Ђорђе", "surname": "Примерњак", "gender": "m"},
    "UA 5": {"given": "Олена", "surname": "Взірцева", "gender": "f", "language": "en",
             "greeting": "Dear Olena,"},
    "UA 13": {"given": "Дем'ян", "surname": "Ґанчук-Приклад", "gender": "m"},
    "UA 19": {"given": "Юлія", "surname": "Їжаківська", "gender": "f"},
    "IS 3": {"given": "Ásdís", "surname": "Dæmisdóttir", "gender": "f", "language": "en",
             "greeting": "Dear Ásdís,"},
    "LU 2": {"given": "Aloyse", "surname": "Bichelmuster", "gender": "m", "language": "fr",
             "greeting": "Monsieur le Vice-Président,"},
    "MT 4": {"given": "Rożina", "surname": "Mudellina", "gender": "f", "language": "en", "title": "Dr",
             "greeting": "Dear Dr Mudellina,"},
    "SI 3": {"given": "Neža", "surname": "Osnutkar", "gender": "f", "language": "en", "greeting": "Dear Neža,"},
    "MK 4": {"given": "Kočo", "surname": "Skicarski", "gender": "m", "language": "en",
             "greeting": "Dear Mr Vice-President,"},
    "TR 9": {"given": "Nesrin", "surname": "Örnekçi", "gender": "f", "language": "en",
             "greeting": "Dear Madam Chair,"},
}  # fmt: skip

NO_ADDRESS = ["FR 9", "FR 30", "DE 14", "IT 22", "ES 11", "PL 20", "RO 8", "UA 17", "TR 29"]
SAME_ADDRESS = {"FR 22": "FR 21", "DE 33": "DE 32", "GB 27": "GB 26", "PT 9": "PT 8", "SE 10": "SE 9"}
"""Who stands in the sheet with the address of whom: an office that answers for two."""
IMPOSSIBLE = {"NO 8": "@@", "NL 12": " "}
"""What stands in the address where "@" belongs."""
ON_HOLD = {
    "CH 5": ("asked on 3 March 2026 not to be written to", "2026-03-03", "Ilse"),
    "IE 6": ("wrote back on 9 June 2026: no more letters, please", "2026-06-09", "Tomasz"),
    "GR 11": ("on sick leave; family asked for quiet", "2026-09-21", "Ilse"),
    "FI 4": ("we meet in person, a letter would be odd", "2026-10-30", "Amandine"),
}
"""Why somebody must not be written to, since when, and who of the campaign noted it."""

LEFT_OUT: dict[str, str] = (
    dict.fromkeys(NO_ADDRESS, "no address")
    | dict.fromkeys(SAME_ADDRESS, "same address")
    | dict.fromkeys(IMPOSSIBLE, "impossible address")
    | dict.fromkeys(ON_HOLD, "on hold")
)
"""The twenty whom no letter may reach, whatever the appeal, and why."""


@dataclass(frozen=True, slots=True)
class Person:
    """One invented member of the Assembly, in the words of the English sheets."""

    delegation: str  # two-letter code
    role: str  # chair of delegation, representative, substitute
    given: str
    surname: str
    title: str  # Dr, Lord, Baroness, Sir, Dame or empty
    address: str  # as it stands in the sheet: it may be empty, somebody else's, or no address at all
    language: str  # two-letter code, or empty: no preference known
    gender: str  # f, m or empty: not known
    chamber: str  # deputy, senator, commons, lords or empty
    group: str  # as in GROUPS
    greeting: str  # written by hand, to stand in the letter as it is; nearly always empty
    note: str
    left_out: str  # why nobody can or may write to this person (a value of LEFT_OUT), or empty; in no sheet

    @property
    def name(self) -> str:
        return f"{self.given} {self.surname}".strip()

    @property
    def civility(self) -> str:
        """Mr or Ms where the gender is known, unless a title such as Lord or Dame stands in its place."""
        return {"f": "Ms", "m": "Mr"}.get(self.gender, "") if self.title in ("", "Dr") else ""


def people(seed: int = SEED) -> list[Person]:
    """Return the 612 people of the sheets: by delegation in the order of its English name, the chair first."""
    return [person for code in DELEGATIONS for person in _delegation(code, seed)]


def many(count: int, seed: int = SEED) -> Iterator[Person]:
    """Yield `count` people with unique, good addresses, in rounds of 612 that fill every seat once.

    Nobody is left out and nobody chairs. Names repeat in a large crowd; a number keeps the addresses apart.
    """
    strangers = {code: _strangers(code, seed) for code in DELEGATIONS}
    seats = [
        (code, role)
        for code, (_, number) in DELEGATIONS.items()
        for role in ["representative"] * number + ["substitute"] * number
    ]
    crowd = (replace(next(strangers[code]), role=role) for code, role in islice(cycle(seats), count))
    return _with_addresses(crowd)


def _delegation(code: str, seed: int) -> list[Person]:
    """Fill the seats of one delegation: no two full names alike, then the hand-written people and mishaps."""
    _, number = DELEGATIONS[code]
    roles = ["chair of delegation"] + ["representative"] * (number - 1) + ["substitute"] * number
    by_name: dict[str, Person] = {}
    for person in _strangers(code, seed):
        by_name.setdefault(person.name, person)
        if len(by_name) == len(roles):
            break
    places = [f"{code} {place}" for place in range(1, len(roles) + 1)]
    seated = {
        place: replace(person, role=role, left_out=LEFT_OUT.get(place, ""), **BY_HAND.get(place, {}))
        for place, role, person in zip(places, roles, by_name.values(), strict=True)
    }
    seated = dict(zip(places, _with_addresses(seated.values()), strict=True))
    spoiled = dict.fromkeys(NO_ADDRESS, "")
    spoiled |= {place: seated[other].address for place, other in SAME_ADDRESS.items() if place in seated}
    spoiled |= {place: seated[place].address.replace("@", at) for place, at in IMPOSSIBLE.items() if place in seated}
    return [replace(person, address=spoiled.get(place, person.address)) for place, person in seated.items()]


def _strangers(code: str, seed: int) -> Iterator[Person]:
    """Yield people of one delegation without end, as substitutes without an address.

    Each delegation has a random source of its own: new names for one leave the others as they were.
    """
    rng = random.Random(f"{seed} {code}")
    pools = [_Pool(rng, text) for text in NAMES.strip().split("\n\n") if text.startswith(code)]
    weights = [pool.size for pool in pools]
    sexes = _deck(rng, ["f", "m"] * DELEGATIONS[code][1])
    while True:
        sex = next(sexes)
        pool = rng.choices(pools, weights)[0]
        yield Person(
            delegation=code,
            role="substitute",
            given=next(pool.given[sex]),
            surname=next(pool.surnames)[sex],
            title="Dr" if rng.random() < (0.2 if code in ("AT", "DE") else 0.04) else "",
            address="",
            language=pool.language if rng.random() < pool.share else "",
            gender=sex if rng.random() < 0.9 else "",
            chamber=rng.choice(["deputy", "deputy", "senator"]) if code in TWO_CHAMBERS else ONE_CHAMBER.get(code, ""),
            group=rng.choice(GROUPS),
            greeting="",
            note=rng.choice(NOTES) if rng.random() < 0.06 else "",
            left_out="",
        )


class _Pool:
    """One paragraph of NAMES, shuffled like packs of cards: a name comes back when all others have been dealt."""

    def __init__(self, rng: random.Random, text: str) -> None:
        head, women, men, surnames = text.split("\n", maxsplit=3)
        _, self.language, share = head.split()
        self.share = int(share) / 100
        forms = [form.split("/") for form in re.split(r",\s+", surnames)]
        self.size = len(forms)
        self.given = {"f": _deck(rng, women.split()), "m": _deck(rng, men.split())}
        self.surnames = _deck(rng, [{"m": form[0], "f": form[-1]} for form in forms])


def _deck(rng: random.Random, cards: list[T]) -> Iterator[T]:
    while True:
        yield from rng.sample(cards, len(cards))


# ----------------------------------------------------------------------------------------------------- addresses


def _letters(script: str, latin: str) -> dict[str, str]:
    """Pair the letters of `script` with the words of `latin`; "-" is a letter that is not written."""
    return {a: b.strip("-") for a, b in zip(script, latin.split(), strict=True)}


LETTERS = (
    _letters("ßþðæœøłđħıə", "ss th d ae oe o l d h i e")
    | _letters("αβγδεζηθικλμνξοπρσςτυφχψω", "a v g d e z i th i k l m n x o p r s s t u f ch ps o")
    | _letters(
        "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ",
        "a b g d e v z t i k l m n o p zh r s t u p k gh q sh ch ts dz ts ch kh j h",
    )
    | _letters(
        "абвгдежзийклмнопрстуфхцчшщъьюя",
        "a b v g d e zh z i y k l m n o p r s t u f h ts ch sh sht a y yu ya",
    )
)
"""Letters that lose more than an accent on their way to plain ASCII. Cyrillic as Bulgaria writes it."""

LETTERS_OF = {
    "UA": _letters("гґєиіїйхщь", "h g ye y i yi i kh shch -"),
    "RS": _letters("жцчшђјљњћџ", "z c c s dj j lj nj c dz"),
} | dict.fromkeys(("DE", "AT", "LI"), _letters("äöü", "ae oe ue"))
"""Letters that one delegation writes otherwise."""


def plain(text: str, code: str) -> str:
    """Write `text` in the letters that an old mail server can bear: a to z and the hyphen.

    >>> plain("Nordvik-Prøve", "NO"), plain("Їжаківська", "UA"), plain("van 't Model", "NL")
    ('nordvik-prove', 'yizhakivska', 'vantmodel')
    """
    letters = LETTERS | LETTERS_OF.get(code, {})
    bare = (c if c in letters else unicodedata.normalize("NFD", c)[0] for c in text.lower())
    return re.sub(r"[^a-z-]", "", "".join(letters.get(c, c) for c in bare))


def _with_addresses(crowd: Iterable[Person]) -> Iterator[Person]:
    """Give each person `given.surname@xx.parliament.example`, with a number for the second of that name."""
    seen: Counter[str] = Counter()
    for person in crowd:
        code = person.delegation
        local = f"{plain(person.given, code)}.{plain(person.surname, code)}".strip(".")
        domain = f"{code.lower()}.parliament.example"
        seen[f"{local}@{domain}"] += 1
        number = seen[f"{local}@{domain}"]
        yield replace(person, address=f"{local}{number if number > 1 else ''}@{domain}")


# -------------------------------------------------------------------------------------------------------- sheets


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: which delegations stand in it, under which headings, in which words."""

    file: str
    codes: str
    headings: str = "regions"  # a key of HEADINGS
    words: str = "en"  # a key of WORDS
    tab: str = "Members"
    by_code: bool = False  # delegations as "NO", not as "Norway"
    above: tuple[str, ...] = ()  # rows before the headings


_ABOVE = ("Members of the delegation to PACE", f"updated {UPDATED:%-d %B %Y} (invented)")

SHEETS = (
    Sheet("france.xlsx", "FR", "fr", "fr", tab="France"),
    Sheet("germany-austria-liechtenstein.csv", "DE LI AT", "de", "de"),
    Sheet("italy-san-marino.ods", "IT SM", "it", "it", tab="Membri"),
    Sheet("united-kingdom-ireland.xlsx", "GB", "uk-ie", tab="United Kingdom", above=_ABOVE),
    Sheet("united-kingdom-ireland.xlsx", "IE", "uk-ie", tab="Ireland", above=_ABOVE),
    Sheet("nordic-baltic.csv", "DK EE FI IS LT LV NO SE", by_code=True),
    Sheet("benelux-switzerland.xlsx", "BE LU NL CH"),
    Sheet("iberia-mediterranean.ods", "AD CY GR MT MC PT ES"),
    Sheet("central-europe.csv", "CZ HU PL SK SI"),
    Sheet("balkans.xlsx", "AL BA BG HR ME MK RO RS", by_code=True),
    Sheet("east.ods", "AM AZ GE MD TR UA"),
)
"""All 46 delegations, each in one sheet, in the alphabetical order of the words that stand in it."""

HEADINGS = {
    "regions": "Delegation=delegation, Role=role, Civility=civility, Given name=given, Surname=surname, Title=title,"
    " E-mail=address, Language=language, Gender=gender, Chamber=chamber, Group=group, Greeting=greeting, Note=note",
    "uk-ie": "Country=delegation, Role=role, Mr/Ms=civility, First name=given, Last name=surname, Title=title,"
    " E-mail=address, Language=language, Gender=gender, House=chamber, Group=group, Note=note",
    "fr": "Délégation=delegation, Fonction=role, Civilité=civility, Prénom=given, Nom=surname, Titre=title,"
    " Courriel=address, Langue=language, Sexe=gender, Chambre=chamber, Groupe=group, Remarque=note",
    "de": "Land=delegation, Funktion=role, Anrede=civility, Vorname=given, Nachname=surname, Titel=title,"
    " E-Mail=address, Sprache=language, Geschlecht=gender, Kammer=chamber, Fraktion=group, Bemerkung=note",
    "it": "Delegazione=delegation, Ruolo=role, Titolo=title, Nome=given, Cognome=surname, E-mail=address,"
    " Lingua=language, Genere=gender, Camera=chamber, Gruppo=group, Note=note",
}
"""What stands over each column, and the field of `Person` that stands in it."""

WORDS = {
    "en": {},
    "fr": {
        "chair of delegation": "président de délégation", "chair of delegation f": "présidente de délégation",
        "representative": "représentant", "representative f": "représentante",
        "substitute": "suppléant", "substitute f": "suppléante",
        "Mr": "M.", "Ms": "Mme", "f": "F", "m": "M",
        "deputy": "Assemblée nationale", "senator": "Sénat",
        "EPP/CD": "PPE/DC", "ALDE": "ADLE", "UEL": "GUE",
        NOTES[0]: "membre depuis janvier 2026",
        NOTES[1]: "lit aussi les lettres sur papier",
        NOTES[2]: "le secrétariat répond ; demander l'assistante",
        NOTES[3]: "dit : « des lettres courtes, s'il vous plaît »",
        NOTES[4]: "rencontre à Strasbourg, printemps 2026",
    },
    "de": {
        "Germany": "Deutschland", "Austria": "Österreich",
        "chair of delegation": "Delegationsleitung", "representative": "Mitglied", "substitute": "Ersatzmitglied",
        "Mr": "Herr", "Ms": "Frau", "f": "w", "Dr": "Dr.",
        "deputy DE": "Bundestag", "deputy AT": "Nationalrat", "senator AT": "Bundesrat",
        NOTES[0]: "neu seit Januar 2026",
        NOTES[1]: "liest auch Briefe auf Papier",
        NOTES[2]: "das Büro antwortet; nach der Assistenz fragen",
        NOTES[3]: 'sagt: "bitte kurze Briefe"',
        NOTES[4]: "Treffen in Straßburg, Frühjahr 2026",
    },
    "it": {
        "Italy": "Italia",
        "chair of delegation": "presidente di delegazione",
        "representative": "rappresentante", "substitute": "supplente",
        "Dr": "Dr.", "deputy": "Camera dei deputati", "senator": "Senato",
        NOTES[0]: "da gennaio 2026",
        NOTES[1]: "legge anche le lettere su carta",
        NOTES[2]: "risponde l'ufficio; chiedere dell'assistente",
        NOTES[3]: 'dice: "lettere brevi, per favore"',
        NOTES[4]: "incontro a Strasburgo, primavera 2026",
    },
}  # fmt: skip
"""The words of a sheet for ours. Some depend on gender or delegation, which then stands behind them."""


def rows(sheet: Sheet, everyone: Iterable[Person]) -> list[list[str]]:
    """Lay out one sheet: what stands above the headings, the headings, one row a person."""
    columns = [column.split("=") for column in HEADINGS[sheet.headings].split(", ")]
    members = sorted(
        (person for person in everyone if person.delegation in sheet.codes.split()),
        key=lambda person: sheet.codes.index(person.delegation),
    )
    return [
        *([line] for line in sheet.above),
        [heading for heading, _ in columns],
        *([_cell(sheet, person, field) for _, field in columns] for person in members),
    ]


def _cell(sheet: Sheet, person: Person, field: str) -> str:
    word = str(getattr(person, field))
    if field == "delegation" and not sheet.by_code:
        word, _ = DELEGATIONS[word]
    if field in ("given", "surname", "address", "language", "greeting"):
        return word
    detail = {"role": person.gender, "chamber": person.delegation}.get(field, "")
    words = WORDS[sheet.words]
    return words.get(f"{word} {detail}", words.get(word, word))


def hold_list(everyone: Iterable[Person]) -> list[list[str]]:
    """Lay out `_hold.csv`: those who must not be written to."""
    held = [person for person in everyone if person.left_out == "on hold"]
    reasons = {place.split()[0]: reason for place, reason in ON_HOLD.items()}
    return [
        ["address", "name", "delegation", "because", "since", "by"],
        *([p.address, p.name, p.delegation, *reasons[p.delegation]] for p in held),
    ]


def write(folder: Path, seed: int = SEED) -> dict[str, int]:
    """Write all sheets and the hold list into `folder`; return how many people stand in each file."""
    everyone = people(seed)
    written = {}
    for file, sheets in groupby(SHEETS, key=lambda sheet: sheet.file):
        tables = {sheet: rows(sheet, everyone) for sheet in sheets}
        writer = {".csv": _write_csv, ".xlsx": _write_xlsx, ".ods": _write_ods}[Path(file).suffix]
        writer(folder / file, tables)
        written[file] = sum(len(table) - len(sheet.above) - 1 for sheet, table in tables.items())
    held = hold_list(everyone)
    _write_csv(folder / "_hold.csv", {Sheet("_hold.csv", ""): held})
    return written | {"_hold.csv": len(held) - 1}


Tables = dict[Sheet, list[list[str]]]


def _write_csv(path: Path, tables: Tables) -> None:
    """Write commas and UTF-8; for German words semicolons and a byte order mark, as Excel saves it there."""
    ((sheet, table),) = tables.items()
    german = sheet.words == "de"
    with path.open("w", encoding="utf-8-sig" if german else "utf-8", newline="") as file:
        csv.writer(file, delimiter=";" if german else ",", lineterminator="\n").writerows(table)


def _widths(table: list[list[str]]) -> list[int]:
    """Return the width of each column in letters; the rows above the headings may run over."""
    full = [row for row in table if len(row) > 1]
    return [min(max(len(cell) for cell in column) + 2, 44) for column in zip(*full, strict=True)]


def _write_xlsx(path: Path, tables: Tables) -> None:
    import xlsxwriter

    book = xlsxwriter.Workbook(path, {"strings_to_formulas": False, "strings_to_urls": False})
    book.set_properties({"title": "Invented people", "created": UPDATED})
    bold = book.add_format({"bold": True})
    for sheet, table in tables.items():
        tab = book.add_worksheet(sheet.tab)
        heading = len(sheet.above)
        for y, row in enumerate(table):
            for x, cell in enumerate(row):
                if cell:
                    tab.write_string(y, x, cell, bold if y == heading else None)
        for x, width in enumerate(_widths(table)):
            tab.set_column(x, x, width)
        tab.freeze_panes(heading + 1, 0)
    book.close()


def _write_ods(path: Path, tables: Tables) -> None:
    from odf.opendocument import OpenDocumentSpreadsheet
    from odf.style import Style, TableColumnProperties
    from odf.table import Table, TableCell, TableColumn, TableRow
    from odf.text import P

    book = OpenDocumentSpreadsheet()
    for sheet, table in tables.items():
        tab = Table(name=sheet.tab)
        for x, width in enumerate(_widths(table)):
            style = Style(name=f"{sheet.tab}-{x}", family="table-column")
            style.addElement(TableColumnProperties(columnwidth=f"{width * 0.21:.2f}cm"))
            book.automaticstyles.addElement(style)
            tab.addElement(TableColumn(stylename=style))
        for row in table:
            line = TableRow()
            for cell in row:
                box = TableCell(valuetype="string") if cell else TableCell()
                if cell:
                    box.addElement(P(text=cell))
                line.addElement(box)
            tab.addElement(line)
        book.spreadsheet.addElement(tab)
    raw = io.BytesIO()
    book.write(raw)
    # The library stamps each part of the archive with the time of day: pack it again with the date of the sheets.
    with zipfile.ZipFile(raw) as old, zipfile.ZipFile(path, "w") as new:
        for part in old.infolist():
            stamped = zipfile.ZipInfo(part.filename, UPDATED.timetuple()[:6])
            stamped.compress_type = part.compress_type
            new.writestr(stamped, old.read(part))


def main() -> None:
    parser = argparse.ArgumentParser(description="Invent the people of the demo's contact sheets.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder to write to (this one)")
    parser.add_argument("--seed", type=int, default=SEED, help=f"another number, other people ({SEED})")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for file, number in write(options.out, options.seed).items():
        print(f"{number:4}  {options.out / file}")


if __name__ == "__main__":
    main()
