"""What customs' commands refuse, said to people."""

from __future__ import annotations

from typing import Final

from kouan.client.sentences_kernel import Sentence
from kouan.kernel.rejections import Rejection

CUSTOMS: Final = {
    Rejection.DRAW_KEY_UNSOUND: Sentence(
        "The draw key is one for which signatures prove nothing.",
        "该支用密钥的签名不具证明力。",
        "Ask the owner's wallet for a new filing slip.",
        "请企业钱包重新出具申报附单。",
    ),
    Rejection.DRAW_KEY_UNCHANGED: Sentence(
        "The draw key is the one that stands already.",
        "该支用密钥与现有密钥相同。",
        "Ask the owner's wallet for a slip with the next key.",
        "请企业钱包出具下一代密钥的附单。",
    ),
    Rejection.STAGE_NOT_FORWARD: Sentence(
        "The declaration has reached this stage already, or a later one.",
        "该报关单已处于此环节或更后环节。",
        "Nothing needs to be done; stages only go forward.",
        "无需办理；环节只能向前推进。",
    ),
    Rejection.AMENDMENT_NOT_LOWER: Sentence(
        "For this reason the value must fall, and it does not.",
        "按此改单原因金额应当减少，而实际未减少。",
        "State the lower value, or another reason.",
        "请填报减少后的金额，或更换原因。",
    ),
    Rejection.AMENDMENT_PRICE_OPEN: Sentence(
        "The price cannot be settled and provisional at once.",
        "价格不能既已确定又属暂定。",
        "Leave the provisional flag out.",
        "请去掉暂定价格标志。",
    ),
    Rejection.AMENDMENT_RAISES_WHILE_SUSPENDED: Sentence(
        "A suspended member may lower what can be drawn, not raise it or let draws begin.",
        "被暂停的成员只能调减、不能调增可支用金额，也不能使其开始可支用。",
        "Amend it when the member is resumed.",
        "请待成员资格恢复后再改单。",
    ),
    Rejection.DECLARATION_SUSPENDED_ALREADY: Sentence(
        "Customs has suspended the declaration already.",
        "该报关单已被海关暂停。",
        "Nothing needs to be done.",
        "无需再办理。",
    ),
    Rejection.DECLARATION_NOT_SUSPENDED: Sentence(
        "The declaration is not suspended by customs.",
        "该报关单未被海关暂停。",
        "Nothing needs to be done.",
        "无需办理。",
    ),
    Rejection.OPENING_EXISTS: Sentence(
        "There is a request with this id already.",
        "已有相同编号的启封申请。",
        "Request again with a new id.",
        "请以新编号重新申请。",
    ),
    Rejection.OPENING_UNKNOWN: Sentence(
        "There is no request with this id.",
        "没有该编号的启封申请。",
        "Check the id.",
        "请核对编号。",
    ),
    Rejection.OPENING_ANSWERED: Sentence(
        "The request is answered already.",
        "该启封申请已经答复。",
        "Nothing needs to be done.",
        "无需再办理。",
    ),
    Rejection.OPENING_NOT_REQUESTER: Sentence(
        "Another member made the request, and only that one may disclose it.",
        "该申请由其他成员提出，仅申请方可以公开。",
        "Ask the member that made it.",
        "请联系申请方。",
    ),
    Rejection.OPENING_DISCLOSED: Sentence(
        "The request is disclosed already.",
        "该申请已经公开。",
        "Nothing needs to be done.",
        "无需再办理。",
    ),
    Rejection.OPENING_STILL_SEALED: Sentence(
        "The request must stay hidden until the charter's time is over.",
        "在章程规定的保密期内，该申请不得公开。",
        "Disclose it when that time is over.",
        "请在保密期满后公开。",
    ),
    Rejection.OPENING_WRONG_COMMITMENT: Sentence(
        "Declaration and salt are not those that the request was about.",
        "报关单与盐值同申请时的承诺不符。",
        "Take both from the request's own record.",
        "请使用该申请留存的原始数据。",
    ),
}
