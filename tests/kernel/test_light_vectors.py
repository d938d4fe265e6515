"""Light verification against what others decided: a real network of CometBFT, and the points of ZIP-215."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from tests.kernel.light_vectors import RECORDED, light_vectors, network
from tests.kernel.small_order import small_order_encodings

from kouan.kernel.encoding import from_text, to_text
from kouan.kernel.headers import ValidatorEntry, address_of, header_hash, in_order, set_hash
from kouan.kernel.light import LightError, Step, Trusted, advance, check_header, trusted_at
from kouan.kernel.suites import verify_zip215

NETWORK = network()
BLOCKS = NETWORK["blocks"]
RPC = json.loads(RECORDED.read_bytes())["blocks"]
ZIP_215 = light_vectors()["zip215"]


def founded() -> Trusted:
    return trusted_at(NETWORK["chain_id"], NETWORK["genesis_time"].ms, NETWORK["founders"][::-1])


@pytest.mark.parametrize(("block", "rpc"), list(zip(BLOCKS, RPC, strict=True)))
def test_hashes_are_those_of_a_real_network(block: dict[str, Any], rpc: dict[str, Any]) -> None:
    """Headers, sets and addresses hash to what CometBFT says, and its order of validators is ours."""
    header, validators = block["signed"].header, block["validators"]
    assert header_hash(header).hex().upper() == rpc["commit"]["commit"]["block_id"]["hash"]
    assert set_hash(validators).hex().upper() == rpc["commit"]["header"]["validators_hash"]
    assert in_order(validators[::-1]) == validators
    for entry, told in zip(validators, rpc["validators"], strict=True):
        assert address_of(from_text(entry.public)).hex().upper() == told["address"]


def test_a_real_network_is_followed_from_its_genesis_through_every_change() -> None:
    """A validator comes, gets more power while another is away, and goes again."""
    trusted, sizes = founded(), []
    for block, after in pairwise(BLOCKS):
        check_header(trusted, block["signed"], now_ms=None)
        if after["signed"].header.height == block["signed"].header.height + 1:
            trusted = advance(trusted, Step(after["validators"], block["signed"], None), now_ms=None, trust_period_ms=1)
        sizes.append(len(trusted.validators))
    assert (min(sizes), max(sizes), sizes[-1]) == (4, 5, 4)
    assert len({set_hash(block["validators"]) for block in BLOCKS}) == 3


def test_what_a_real_network_did_not_decide_is_refused() -> None:
    """Each vote is for its own header alone."""
    trusted = founded()
    for block, other in pairwise(BLOCKS[:5]):
        crossed = msgspec.structs.replace(block["signed"], commit=other["signed"].commit)
        with pytest.raises(LightError):
            check_header(trusted, crossed, now_ms=None)
        header = msgspec.structs.replace(block["signed"].header, app_hash=to_text(bytes(8 * [1])))
        with pytest.raises(LightError):
            check_header(trusted, msgspec.structs.replace(block["signed"], header=header), now_ms=None)


def test_there_are_fourteen_spellings_of_points_of_small_order() -> None:
    """As ZIP-215 counts them."""
    assert len(dict.fromkeys(small_order_encodings())) == 14


def test_votes_are_judged_by_zip_215() -> None:
    """Cofactor and all spellings of a point pass; a scalar that is not reduced never does."""
    for case in ZIP_215:
        key, message, signature = (bytes.fromhex(case[name]) for name in ("key_hex", "message_hex", "signature_hex"))
        lenient = case["what"] == "plain" or case["what"].startswith(("small order, ", "R with "))
        assert verify_zip215(key, message, signature) == case["valid"] == lenient, case


def test_wrong_lengths_are_simply_not_valid() -> None:
    """Of the key and of the signature."""
    plain = next(case for case in ZIP_215 if case["what"] == "plain")
    key, message, signature = (bytes.fromhex(plain[name]) for name in ("key_hex", "message_hex", "signature_hex"))
    for wrong in (b"", signature[:63], signature + b"\0"):
        assert not verify_zip215(key, message, wrong)
    for wrong in (b"", key[:31], key + b"\0"):
        assert not verify_zip215(wrong, message, signature)


def test_order_is_by_power_then_address() -> None:
    """Most power first; equal ones by the bytes of their address."""
    some = in_order([ValidatorEntry(power, to_text(bytes([number] * 32))) for number, power in enumerate((1, 3, 3, 2))])
    assert [entry.power for entry in some] == [3, 3, 2, 1]
    assert some[0].address < some[1].address
