"""What customs keeps on the ledger besides its quotas."""

from __future__ import annotations

from kouan.kernel.encoding import Bytes16, Bytes32, Code, Count, Positive
from kouan.kernel.records import Record


class Opening(Record, frozen=True):
    """A request to open one declaration's seal. Key: ``opening/<request>``."""

    answered_by: Code | None
    """The second holder that opened the inner layer, or null while it has not."""
    answered_ms: Count
    """Block time of the answer; 0 while there is none."""
    commitment: Bytes32
    """Hides for a time which declaration is meant, lest the record tips its owner off."""
    disclosed_ms: Count
    """Block time of the disclosure; 0 while the commitment still hides the declaration."""
    id: Bytes16
    quota: str | None
    """Which declaration it was, once disclosed."""
    requested_ms: Positive
    requester: Code
    """The overseer that asked."""
