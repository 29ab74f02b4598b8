"""The names of the invented people, for `invent.py`: one pool a paragraph.

Code, language that people of the pool prefer and the share (%) for whom the sheet says so; women's
names; men's names; surnames, where "A/B" is his form and hers. Belgium and Switzerland have a pool
for each language.
"""

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
