"""Facts about names: what capitals or a comma say is split, everything else is left for
a person.
"""

from __future__ import annotations

import pytest

from mailer.contacts.rows.names import take_apart


@pytest.mark.parametrize(
    ("text", "civility", "title", "given", "surname", "full"),
    [
        ("Ms Anna SAMPLE", "Ms", "", "Anna", "SAMPLE", "Anna SAMPLE"),
        ("Anna De BEISPIEL", "", "", "Anna", "De BEISPIEL", "Anna De BEISPIEL"),
        ("Mr Piet van der PROEF", "Mr", "", "Piet", "van der PROEF", "Piet van der PROEF"),
        ("Ms Karin S. PRØVESEN", "Ms", "", "Karin S.", "PRØVESEN", "Karin S. PRØVESEN"),
        ("Mr Luís LEITE EXEMPLO", "Mr", "", "Luís", "LEITE EXEMPLO", "Luís LEITE EXEMPLO"),
        ("Mr John McSAMPLE", "Mr", "", "John", "McSAMPLE", "John McSAMPLE"),
        ("Ms Orla O'SAMPLE", "Ms", "", "Orla", "O'SAMPLE", "Orla O'SAMPLE"),
        ("Mr Vito D’ESEMPIO", "Mr", "", "Vito", "D’ESEMPIO", "Vito D’ESEMPIO"),
        ("Jürgen GROß", "", "", "Jürgen", "GROß", "Jürgen GROß"),
        ("Ms Inese LĪBIŅA-PARAUGA", "Ms", "", "Inese", "LĪBIŅA-PARAUGA", "Inese LĪBIŅA-PARAUGA"),
        ("Mr Şükrü IŞIKLI", "Mr", "", "Şükrü", "IŞIKLI", "Şükrü IŞIKLI"),
        ("Monsieur Jean-Claude EXEMPLE", "Monsieur", "", "Jean-Claude", "EXEMPLE",
         "Jean-Claude EXEMPLE"),
        ("SAMPLE, Anna", "", "", "Anna", "SAMPLE", "Anna SAMPLE"),
        ("Sample, Ms Anna", "Ms", "", "Anna", "Sample", "Anna Sample"),
        ("EXEMPLE Marie-Claire", "", "", "Marie-Claire", "EXEMPLE", "Marie-Claire EXEMPLE"),
        ("Frau Dr. Anna MUSTER", "Frau", "Dr.", "Anna", "MUSTER", "Anna MUSTER"),
        ("The Rt Hon Anna SAMPLE MP", "", "The Rt Hon", "Anna", "SAMPLE", "Anna SAMPLE"),
        ("Baroness Cordelia Wexmoor", "", "Baroness", "", "", "Cordelia Wexmoor"),
        ("Дем'ян ҐАНЧУК", "", "", "Дем'ян", "ҐАНЧУК", "Дем'ян ҐАНЧУК"),
        ("SAMPLE Anna, Ms", "Ms", "", "Anna", "SAMPLE", "Anna SAMPLE"),
        ("SAMPLE Anna Maria (Ms)", "Ms", "", "Anna Maria", "SAMPLE", "Anna Maria SAMPLE"),
        ("SAMPLE, Anna, MP", "", "", "Anna", "SAMPLE", "Anna SAMPLE"),
        ("Ms Anna SAMPLE-De BEISPIEL", "Ms", "", "Anna", "SAMPLE-De BEISPIEL",
         "Anna SAMPLE-De BEISPIEL"),
        ("Dr. med. Anna BEISPIEL", "", "Dr. med.", "Anna", "BEISPIEL", "Anna BEISPIEL"),
        ("Şen ÖRNEK", "", "", "Şen", "ÖRNEK", "Şen ÖRNEK"),
        ("Mr Christoph Freiherr von MUSTER", "Mr", "", "Christoph", "Freiherr von MUSTER",
         "Christoph Freiherr von MUSTER"),
        ("The Rt Hon the Lord SAMPLE KC", "", "The Rt Hon the Lord", "", "", "SAMPLE"),
        ("De BEISPIEL, Anna", "", "", "Anna", "De BEISPIEL", "Anna De BEISPIEL"),
        ("William (Bill) SAMPLE", "", "", "William (Bill)", "SAMPLE", "William (Bill) SAMPLE"),
        # left for a person
        ("Anna BEISPIEL (SPD)", "", "", "", "", "Anna BEISPIEL (SPD)"),
        ("2. Anna BEISPIEL", "", "", "", "", "2. Anna BEISPIEL"),
        ("Ola SKISSE¹", "", "", "", "", "Ola SKISSE¹"),
        ("Anna BEISPIEL, Germany", "", "", "", "", "Anna BEISPIEL, Germany"),
        ("Anna SAMPLE-Muster BEISPIEL", "", "", "", "", "Anna SAMPLE-Muster BEISPIEL"),
        ("Anna Sample", "", "", "", "", "Anna Sample"),
        ("ANNA SAMPLE", "", "", "", "", "ANNA SAMPLE"),
        ("ნინო მაგალითაური", "", "", "", "", "ნინო მაგალითაური"),
        ("Олена Взірцева", "", "", "", "", "Олена Взірцева"),
        ("M. Sample", "", "", "", "", "M. Sample"),
        ("Don Sample", "", "", "", "", "Don Sample"),
        ("Duke of SAMPLE", "", "", "", "", "Duke of SAMPLE"),
        ("Þórdís", "", "", "", "", "Þórdís"),
        ("Ms", "", "", "", "", "Ms"),
        ("", "", "", "", "", ""),
        ("H.J. van der Proef", "", "", "", "", "H.J. van der Proef"),
        ("ANNA Maria SAMPLE", "", "", "", "", "ANNA Maria SAMPLE"),
    ],
)  # fmt: skip
def test_a_name_is_split_only_where_it_says_so(
    text: str, civility: str, title: str, given: str, surname: str, full: str
) -> None:
    name = take_apart(text)
    assert (name.civility, name.title, name.given, name.surname, name.full) == (
        civility,
        title,
        given,
        surname,
        full,
    )
