"""Slips come from other parties as files: whatever stands in them, a reader gives its own error or a sound slip."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kouan.client import consents, filings, paper_slips
from kouan.client.consents import Consent, ConsentError, ConsentPart, open_consent, seal_consent
from kouan.client.filing_seals import Filing
from kouan.client.filings import (
    AttestationSlip,
    FilingSlip,
    Received,
    SlipError,
    attestation_slip,
    open_attestation,
    read_slip,
)
from kouan.client.handles import handle_of, link_secret_from_master
from kouan.client.keymaterial import seeded_entropy
from kouan.client.openings import AnswerSlip, RequestSlip, SealSlip
from kouan.client.paper_slips import (
    JoinRequest,
    JoinSlip,
    PaperContent,
    RecordedSlip,
    open_paper_slip,
    read_join_slips,
    seal_paper_slip,
)
from kouan.client.payoff import PayOffError, PayOffSlip, make_pay_off, read_pay_off
from kouan.client.sealing import public_of, seal
from kouan.kernel.encoding import encode, to_text
from kouan.modules.cases.commands.recording import OwnerConsent
from kouan.modules.financing.rules import PayOffConsent

ENTROPY: Final = seeded_entropy(b"hostile slips")
PRIVATE: Final = bytes(range(32))
NUMBER: Final = "224820190000000101"
SECRET: Final = link_secret_from_master(bytes(32), NUMBER)
FILED: Final = Filing("A" * 43, handle_of(NUMBER, SECRET))
QUOTA: Final = f"{FILED.handle}.USD"
DOCUMENT: Final = {"entry_id": NUMBER, "lines": [{"name": "LED吊灯", "total": "1.50"}]}
PART: Final = ConsentPart(100, DOCUMENT, None, 5, to_text(SECRET), NUMBER, QUOTA, "A" * 86)
CONSENT: Final = Consent("A" * 43, [PART], "bank-a", "A" * 22, "kouan/consent/1", "seller")
PAPER: Final = PaperContent(
    alliance="A" * 43,
    amount=7,
    bank="bank-a",
    custodial=False,
    draw_key="A" * 43,
    earlier={"total_minor": 9},
    fields={"format": "kouan/order/1", "number": "单-1"},
    format="kouan/paper/1",
    owner="91310115MA1K0LNG14",
    purpose="seller",
    quota=None,
    secret="A" * 43,
    unit="USD",
)
TERMS: Final = PayOffConsent(
    alliance="A" * 43, amounts=[7], drawer="bank-a", expires_ms=5, financing="A" * 22, interest=0, successor="Q" * 22
)

Reader = Callable[[bytes], object]


def opened_attestation(data: bytes) -> object:
    return open_attestation(PRIVATE, read_slip(data, AttestationSlip, "slip"))


def reader_of(kind: type[Any]) -> Reader:
    return lambda data: read_slip(data, kind, "slip")


SLIPS: Final[dict[str, tuple[bytes, Reader, type[ValueError]]]] = {
    "consent": (
        seal_consent(CONSENT, public_of(PRIVATE), ENTROPY),
        lambda data: open_consent(PRIVATE, data),
        ConsentError,
    ),
    "pay-off": (make_pay_off(PRIVATE, "main", TERMS), read_pay_off, PayOffError),
    "filing": (
        encode(FilingSlip(custodial=True, draw_key="A" * 43, format="kouan/filing/1", number=NUMBER, sealing="A" * 43)),
        reader_of(FilingSlip),
        SlipError,
    ),
    "attestation": (
        attestation_slip(FILED, [QUOTA], Received(NUMBER, SECRET, DOCUMENT), public_of(PRIVATE), ENTROPY),
        opened_attestation,
        SlipError,
    ),
    "seal": (encode(SealSlip("A" * 43, "kouan/seal/1", QUOTA, "AAAA")), reader_of(SealSlip), SlipError),
    "opening request": (
        encode(RequestSlip("A" * 43, "kouan/opening-request/1", "AAAA", QUOTA, "A" * 22, "A" * 43)),
        reader_of(RequestSlip),
        SlipError,
    ),
    "opening answer": (
        encode(AnswerSlip("A" * 43, "kouan/opening-answer/1", "AAAA", QUOTA, "A" * 22)),
        reader_of(AnswerSlip),
        SlipError,
    ),
    "paper": (
        seal_paper_slip(PAPER, public_of(PRIVATE), ENTROPY),
        lambda data: open_paper_slip(PRIVATE, data),
        SlipError,
    ),
    "recorded": (encode(RecordedSlip("A" * 43, "kouan/recorded/1", QUOTA)), reader_of(RecordedSlip), SlipError),
    "join request": (
        encode(JoinRequest("A" * 43, [QUOTA, QUOTA], "kouan/join-request/1")),
        reader_of(JoinRequest),
        SlipError,
    ),
    "join": (
        encode(JoinSlip("A" * 43, [OwnerConsent(QUOTA, "A" * 86)], [QUOTA, QUOTA], "kouan/join/1")),
        lambda data: read_join_slips([data]),
        SlipError,
    ),
}
every_slip = pytest.mark.parametrize("name", SLIPS)

HOSTILE: Final = [
    b"[" * 60_000 + b"]" * 60_000,
    b'{"a":' * 60_000 + b"1" + b"}" * 60_000,
    b"1e400",
    b"1E999999",
    b"-1",
    b"9" * 5_000,
    b"NaN",
    b"null",
    b'""',
    b'"\\u001b[2J"',
    b'"\\u0000"',
    b'"\\ud800"',
    b'"\x1b[2J"',
    b'"\xff"',
    '"\u202e\x9b31m"'.encode(),
    b'"' + b"~" * 100_000 + b'"',
]


def refused_or_read(name: str, data: bytes) -> object | None:
    """Read, and let nothing but the reader's own error pass."""
    _, read, error = SLIPS[name]
    try:
        return read(data)
    except error:
        return None


@every_slip
def test_a_sound_slip_is_read(name: str) -> None:
    """Otherwise the tests below would show nothing."""
    assert refused_or_read(name, SLIPS[name][0]) is not None


@every_slip
@given(data=st.data())
def test_random_changes_give_the_same_slip_or_the_readers_own_error(name: str, data: st.DataObject) -> None:
    """Bytes replaced, left out and put in, anywhere. What can be read has the kind's own form, so it encodes again."""
    changed = bytearray(SLIPS[name][0])
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(changed)))
        end = data.draw(st.integers(start, min(start + 8, len(changed))))
        changed[start:end] = data.draw(st.binary(max_size=8) | st.sampled_from([b'"', b"{", b"[", b"\\", b"1e9", b","]))
    read = refused_or_read(name, bytes(changed))
    if isinstance(read, msgspec.Struct):
        assert msgspec.convert(msgspec.to_builtins(read), type(read)) == read


@every_slip
@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_no_field_takes_a_hostile_value(name: str, value: bytes) -> None:
    """Each field in turn, and a field that nobody knows, is nested deeply, endless, or full of control characters."""
    plain = msgspec.json.decode(SLIPS[name][0])
    for field in [*plain, "more", "\x1b[2J"]:
        marked = msgspec.json.encode({**plain, field: "HERE"})
        assert refused_or_read(name, marked.replace(b'"HERE"', value)) is None


@every_slip
@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_no_hostile_value_is_a_slip(name: str, value: bytes) -> None:
    assert refused_or_read(name, value) is None


def consent_with(document: bytes) -> bytes:
    """A consent slip with another document inside, sealed as anybody can: the bank's key is public."""
    content = msgspec.json.encode(
        {**msgspec.to_builtins(CONSENT), "allocations": [{**msgspec.to_builtins(PART), "document": "HERE"}]}
    ).replace(b'"HERE"', document)
    bound = encode({"alliance": CONSENT.alliance, "drawer": CONSENT.drawer, "financing": CONSENT.financing})
    sealed = seal(public_of(PRIVATE), consents._TO_BANK, bound, content, ENTROPY)  # forged as outsiders can
    plain = msgspec.json.decode(SLIPS["consent"][0])
    return msgspec.json.encode({**plain, "sealed": to_text(sealed)})


def attestation_with(document: bytes) -> bytes:
    """An attestation slip with another document inside."""
    sealed = seal(public_of(PRIVATE), filings._TO_OWNER, FILED.aad(), document, ENTROPY)  # as above
    plain = msgspec.json.decode(SLIPS["attestation"][0])
    return msgspec.json.encode({**plain, "document_sealed": to_text(sealed)})


def paper_with(document: bytes) -> bytes:
    """A paper slip with another paper inside."""
    content = msgspec.json.encode({**msgspec.to_builtins(PAPER), "fields": "HERE"}).replace(b'"HERE"', document)
    bound = encode({"alliance": PAPER.alliance, "bank": PAPER.bank})
    sealed = seal(public_of(PRIVATE), paper_slips._TO_BANK, bound, content, ENTROPY)  # as above
    plain = msgspec.json.decode(SLIPS["paper"][0])
    return msgspec.json.encode({**plain, "sealed": to_text(sealed)})


FORGED: Final = {"consent": consent_with, "attestation": attestation_with, "paper": paper_with}


@pytest.mark.parametrize("name", FORGED)
@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_sealed_is_read_as_warily_as_what_is_not(name: str, value: bytes) -> None:
    """A well sealed document that is a hostile value, and one that has it in a field, come as text or not at all."""
    assert refused_or_read(name, FORGED[name](value)) is None
    refused_or_read(name, FORGED[name](b'{"entry_id":' + value + b"}"))
    refused_or_read(name, FORGED[name](b'{"entry_id":"' + NUMBER.encode() + b'","lines":[{"total":' + value + b"}]}"))


@pytest.mark.parametrize("name", FORGED)
@pytest.mark.parametrize("levels", [17, 900, 2_000])
def test_no_document_is_nested_deeper_than_what_can_be_committed_to(name: str, levels: int) -> None:
    """Whatever works on a document later, such as a message that quotes it, meets at most sixteen levels."""
    _, read, error = SLIPS[name]
    document = b'{"entry_id":"' + NUMBER.encode() + b'","lines":' + b"[" * levels + b"]" * levels + b"}"
    with pytest.raises(error):
        read(FORGED[name](document))


def test_the_pay_off_slip_is_read_whole() -> None:
    """Its fields are the terms that were signed."""
    slip = read_pay_off(SLIPS["pay-off"][0])
    assert isinstance(slip, PayOffSlip)
    assert (slip.predecessor, slip.successor, slip.amounts) == (TERMS.financing, TERMS.successor, TERMS.amounts)
