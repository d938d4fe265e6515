"""Which quotas a declaration's number stands for: the ledger has handles alone, so only who was told can say."""

from __future__ import annotations

from kouan.client.book import BOOK_FILE, Book
from kouan.client.handles import handle_of, link_secret_from_master
from kouan.client.places import CUSTOMS_MASTER, Home
from kouan.formats.code_lists import MINOR_UNIT_DIGITS
from kouan.formats.identifiers import declaration_number
from kouan.kernel.quota import key_of
from kouan.kernel.records import Quota
from kouan.kernel.state import Reader
from kouan.modules.customs.rules import quota_id


def quotas_named(name: str, home: Home | None, reader: Reader, unit: str | None = None) -> list[str]:
    """Return the ids of the quotas that a declaration's number, or a quota's own id, names, one for each currency.

    A number is looked up by who acts: customs derives its handle, a bank has it from the owner's slip. Customs
    can name a quota that does not exist, in the currency ``unit``, to prove just that. Raises ValueError when it cannot
    be found.
    """
    if "." in name:
        return [name]
    declaration_number(name)
    if home is None:
        raise ValueError(f"declaration {name}: name the member that knows it with --as, or give the quota's id")
    if CUSTOMS_MASTER in home.keys.secrets:
        handle = handle_of(name, link_secret_from_master(home.keys.secrets[CUSTOMS_MASTER], name))
        possible = [quota_id(handle, unit) for unit in sorted(MINOR_UNIT_DIGITS)]
        found = [quota for quota in possible if reader.read(Quota, key_of(quota)) is not None]
        if not found and quota_id(handle, unit or "") in possible:
            return [quota_id(handle, unit or "")]
        if not found:
            raise ValueError(f"declaration {name}: not attested on this ledger; to prove that, name the currency")
    else:
        found = _from_book(name, home)
    if not found:
        raise ValueError(f"declaration {name}: {home.id} knows nothing of it; ask the owner for a slip")
    return found


def _from_book(number: str, home: Home) -> list[str]:
    path = home.path / BOOK_FILE
    if not path.exists():
        return []
    with Book(path) as book:
        return book.quotas_of(number)
