"""Generate the messages of ABCI and of evidence anew, from CometBFT's files in Go's module cache: ``make proto``.

What protoc writes imports its neighbours by their names in the .proto files; here they live inside this package, so
those imports are rewritten. Everything else stays as protoc wrote it.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
PACKAGE: Final = "kouan.engines.cometbft.proto"
COMETBFT: Final = "github.com/cometbft/cometbft@v0.39.4"
GOGOPROTO: Final = "github.com/cosmos/gogoproto@v1.7.2"
FILES: Final = (
    "gogoproto/gogo.proto",
    "tendermint/abci/types.proto",
    "tendermint/crypto/keys.proto",
    "tendermint/crypto/proof.proto",
    "tendermint/types/evidence.proto",
    "tendermint/types/params.proto",
    "tendermint/types/types.proto",
    "tendermint/types/validator.proto",
    "tendermint/version/types.proto",
)
_IMPORT: Final = re.compile(r"^from (gogoproto|tendermint)(?=[. ])", re.MULTILINE)
_HEADER: Final = f"# Generated from {COMETBFT} and {GOGOPROTO} (Apache-2.0, BSD-3-Clause) by `make proto`.\n"


def main() -> None:
    """Write the modules; needs Go with the two modules in its cache, and grpcio-tools."""
    go = ["go", "env", "GOMODCACHE"]
    cache = Path(subprocess.run(go, check=True, capture_output=True, text=True).stdout.strip())  # noqa: S603  # fixed
    with tempfile.TemporaryDirectory() as made:
        protoc = [
            sys.executable,
            "-m",
            "grpc_tools.protoc",
            f"-I{cache / COMETBFT / 'proto'}",
            f"-I{cache / GOGOPROTO}",
        ]
        subprocess.run([*protoc, f"--python_out={made}", f"--pyi_out={made}", *FILES], check=True)  # noqa: S603  # fixed
        for path in sorted(Path(made).rglob("*.py*")):
            target = HERE / path.relative_to(made)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_HEADER + _IMPORT.sub(rf"from {PACKAGE}.\1", path.read_text()))


if __name__ == "__main__":
    main()
