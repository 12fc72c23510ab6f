"""A record is raised for what it says, never lowered, and everyday text is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.permissions.sensitivity import raised
from vault.types import Sensitivity

PUBLIC, PERSONAL, SENSITIVE, SECRET = Sensitivity

SECRETS = {
    "a private key": "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU=",
    "a PGP key": "-----BEGIN PGP PRIVATE KEY BLOCK-----",
    "AWS": "key AKIAIOSFODNN7EXAMPLE",
    "GitHub": "ghp_" + "a1B2" * 9,
    "a model's provider": "export KEY=sk-ant-api03-" + "Ab1_" * 12,
    "a web token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N",
    "one-time passwords": "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP",
    "a password": "Wifi password: sunflower",
    "a password with signs": "the password is hunter2!",
    "German": "Passwort: Geheim#77",
    "Spanish": "contraseña: perro12345",
    "French": "mot de passe : soleil42",
    "a PIN": "card PIN: 4921",
    "recovery codes": "Recovery codes\n1a2b-3c4d\n5e6f-7a8b\n9c0d-1e2f",
    "a seed phrase": "letter advice cage absurd amount doctor acoustic avoid letter advice cage above",
    "a seed phrase, numbered": "1. legal 2. winner 3. thank 4. year 5. wave 6. sausage 7. worth 8. useful 9. legal"
    " 10. winner 11. thank 12. yellow",
}
PRIVATE = {
    "an account": "Pay to SE45 5000 0000 0583 9825 7466 please",
    "a card": "the family card 4242 4242 4242 4242",
    "an identity number": "her number is 811228-9874",
    "a diagnosis": "My diabetes is worse since spring.",
    "German": "Ich bin seit Montag krankgeschrieben.",
    "Spanish": "Mi madre empieza la quimioterapia el lunes.",
    "French": "Mon frère est en dépression.",
    "Swedish": "Jag är sjukskriven till maj.",
    "hints that come together": "Mum was operated on Tuesday, spinal; the surgeon was kind. Injection every evening.",
    "money": "I owe too much, my overdraft is at the limit",
    "money, German": "Mein Gehalt kommt erst am Zehnten",
    "money, French": "mes dettes, toujours",
}
EVERYDAY = [
    "I went to the bank.",
    "I have an appointment with the dentist on Tuesday at 10:15.",
    "My mail is jane@example.org and my phone +49 170 1234567.",
    "Ich gehe morgen zum Arzt.",
    "Forgot my password again, had to reset the password.",
    "Password: required. PIN: ****. The password is not needed.",
    "The token is in the drawer; the key: under the mat.",
    "A recovery plan and a backup of the photos.",
    "The study included 512 patients with diabetes and hypertension.",
    "The central bank raised the interest rate; mortgage lenders followed.",
    "about above absent absorb abstract absurd abuse access accident account accuse achieve",  # no checksum
    "Order 4111 1111 1111 1112 was sent on 2024-03-17.",
    "",
]


@pytest.mark.parametrize("text", SECRETS.values(), ids=SECRETS)
def test_what_opens_something_is_secret(text: str) -> None:
    assert raised("", text, PERSONAL) is SECRET
    assert raised(text, "", PUBLIC) is SECRET


@pytest.mark.parametrize("text", PRIVATE.values(), ids=PRIVATE)
def test_health_money_and_numbers_are_sensitive(text: str) -> None:
    assert raised("", text, PERSONAL) is SENSITIVE
    assert raised(text, "", PUBLIC) is SENSITIVE


@pytest.mark.parametrize("text", EVERYDAY)
def test_everyday_text_stays(text: str) -> None:
    assert raised("Note", text, PERSONAL) is PERSONAL
    assert raised("Note", text, PUBLIC) is PUBLIC


def test_hints_far_apart_are_no_hint() -> None:
    far = " and then we sailed on for a while" * 12
    assert raised("", f"My doctor called.{far} My clinic.{far} My tablets.", PERSONAL) is PERSONAL
    assert raised("", "My doctor called. My clinic. My tablets.", PERSONAL) is SENSITIVE


@given(st.text(), st.sampled_from([*SECRETS.values(), *PRIVATE.values(), *EVERYDAY]), st.sampled_from(Sensitivity))
def test_nothing_is_ever_lowered(around: str, text: str, given: Sensitivity) -> None:
    assert raised(around, text + around, given) >= given


@pytest.mark.parametrize(
    "piece", ["abandon ", "password: x ", "recovery codes ", "sk-", "eyJa.", "my bank ", "-----BEGIN "]
)
def test_a_hostile_text_takes_time_in_proportion(piece: str) -> None:
    assert raised("", piece * ((1 << 19) // len(piece)), PERSONAL) in Sensitivity
