"""CometBFT's ``genesis.json``, which follows from the founding document and from nothing else.

So that every node makes the same bytes, and nobody has to send it to anybody. What InitChain answers (the app hash at
height 0) stands in the chain, not here.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from kouan.engines.cometbft.node.keys import address, public_json
from kouan.kernel.encoding import from_text
from kouan.kernel.records import Charter
from kouan.modules.alliance.consensus import consensus_parameters
from kouan.modules.alliance.founding import NetworkFounding, alliance_id

NANOSECONDS: Final = 1_000_000
"""In a millisecond: CometBFT's durations are in nanoseconds."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def genesis_file(founding: NetworkFounding) -> bytes:
    """Return the bytes of ``genesis.json``."""
    parameters = consensus_parameters(Charter(founding.charter, revision=0))
    validators = [
        {
            "address": address(from_text(validator.public)).hex().upper(),
            "name": member,
            "power": str(validator.power),
            "pub_key": public_json(from_text(validator.public)),
        }
        for member, validator in sorted(founding.validators.items())
    ]
    document = {
        "app_hash": "",
        "chain_id": alliance_id(founding),
        "consensus_params": {
            "abci": {"vote_extensions_enable_height": "0"},
            "block": {"max_bytes": str(parameters.max_block_bytes), "max_gas": "-1"},
            "evidence": {
                "max_age_duration": str(parameters.evidence_age_ms * NANOSECONDS),
                "max_age_num_blocks": str(parameters.evidence_age_blocks),
                "max_bytes": str(parameters.max_evidence_bytes),
            },
            "validator": {"pub_key_types": ["ed25519"]},
            "version": {"app": "0"},
        },
        "genesis_time": _rfc3339(founding.founded_ms),
        "initial_height": "1",
        "validators": validators,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _rfc3339(time_ms: int) -> str:
    moment = _EPOCH + timedelta(milliseconds=time_ms)
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
