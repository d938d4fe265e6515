"""A small network's founding document, the same every time: customs and a bank vote, the other members do not."""

from __future__ import annotations

from typing import Final

import msgspec
from tests.modules.alliance.network import consensus_seed, network_founding
from tests.modules.ledger import seed_of

from kouan import bootstrap
from kouan.modules.alliance.founding import NetworkFounding
from kouan.modules.alliance.trust import network_trust_file, sign_founding

FOUNDING: Final[NetworkFounding] = msgspec.structs.replace(
    network_founding({"bank-a": 10, "customs": 10}),
    charter={parameter.name: parameter.default for parameter in bootstrap.NETWORK_PARAMETERS},
    founded_ms=1_700_000_000_123,
)
SEEDS: Final = {member: consensus_seed(member) for member in FOUNDING.validators}
TRUST: Final = network_trust_file(
    FOUNDING, {one.id: sign_founding(FOUNDING, one.id, seed_of(one.id)) for one in FOUNDING.members}
)
