"""The ledger's codes in Chinese, by the glossary; in English they are shown as they stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from kouan.cli.output import Lang

CodeKind = Literal["evidence", "flag", "likeness", "paper", "product", "role", "stage", "state", "status"]

_CHINESE: Final[dict[CodeKind, dict[str, str]]] = {
    "evidence": {"attested": "官方核证", "confirmed": "对方确认", "self": "自行申报"},
    "flag": {
        "advanced": "垫款",
        "offered": "转让要约中",
        "overdue": "逾期",
        "refinanced": "已置换",
        "under-review": "改单待处理",
        "written-off": "已核销",
    },
    "likeness": {
        "altered-number": "改号发票",
        "contract-number": "同一合同",
        "full-case": "案卷已满，未能关联",
        "master-number": "同一主单",
        "order-number": "同一订单",
        "parties-amount-month": "同买卖双方同金额同月",
        "transport-number": "提运单号相近",
    },
    "paper": {
        "contract": "合同",
        "export": "报关单",
        "import": "报关单",
        "invoice": "发票",
        "order": "订单",
        "transport": "运输单证",
    },
    "product": {
        "export-bill": "出口押汇",
        "factoring": "保理",
        "forfaiting": "福费廷",
        "insured": "信保融资",
        "invoice": "发票融资",
        "order": "订单融资",
        "packing-loan": "打包贷款",
    },
    "role": {
        "attester": "核证方",
        "bank": "银行",
        "convener": "召集人",
        "customs": "海关",
        "evaluator": "比对方",
        "operator": "运营方",
        "overseer": "监管机构",
        "second-holder": "第二持有人",
    },
    "stage": {"closed": "结关", "filed": "申报", "released": "放行"},
    "state": {
        "disbursed": "已放款",
        "held": "占用",
        "lapsed": "到期自动释放",
        "released": "已解除占用",
        "settled": "已结清",
    },
    "status": {"active": "有效", "suspended": "暂停", "withdrawn": "撤单"},
}


def code_word(kind: CodeKind, code: str, lang: Lang) -> str:
    """Return what a code is called; one that has no word stands as it is."""
    return _CHINESE[kind].get(code, code) if lang == "zh" else code


def role_words(roles: Sequence[str], lang: Lang) -> str:
    """Return a member's roles as one text."""
    return ("、" if lang == "zh" else ", ").join(code_word("role", role, lang) for role in roles)
