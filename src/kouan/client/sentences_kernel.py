"""What the kernel refuses, said to people: envelopes, any command, quotas."""

from __future__ import annotations

from typing import Final, NamedTuple

from kouan.kernel.rejections import Rejection


class Sentence(NamedTuple):
    """What a rejection says."""

    en: str
    zh: str
    next_en: str
    """What to do about it."""
    next_zh: str


KERNEL: Final = {
    Rejection.ENVELOPE_SKIPPED: Sentence(
        "The envelope is on the operators' skip list and is not executed.",
        "该报文已列入运营方的跳过名单，不予执行。",
        "Ask the operator why it was listed.",
        "请向运营方了解列入原因。",
    ),
    Rejection.ENVELOPE_MALFORMED: Sentence(
        "The envelope cannot be read: it is not canonical, too large, or lacks a field.",
        "报文无法读取：格式不规范、过大或缺少字段。",
        "Send it with this version of the client; report it if that is what you did.",
        "请使用本版本客户端发送；如已如此，请报告此问题。",
    ),
    Rejection.ENVELOPE_WRONG_ALLIANCE: Sentence(
        "The envelope is for another alliance.",
        "该报文属于另一个联盟。",
        "Check that alliance.json in the port directory is this ledger's.",
        "请核对端口目录中的 alliance.json 是否属于本账本。",
    ),
    Rejection.ENVELOPE_EXPIRED: Sentence(
        "The envelope reached the ledger after its expiry.",
        "报文到达账本时已过有效期。",
        "Check this machine's clock, then send again.",
        "请检查本机时钟后重新发送。",
    ),
    Rejection.ENVELOPE_EXPIRY_TOO_FAR: Sentence(
        "The envelope's expiry is further ahead than the ledger takes.",
        "报文的有效期超出账本允许的上限。",
        "Check this machine's clock, then send again.",
        "请检查本机时钟后重新发送。",
    ),
    Rejection.ENVELOPE_UNKNOWN_SIGNER: Sentence(
        "The ledger knows no such member or key.",
        "账本上没有该成员或该密钥。",
        "Check --as and --key; a new key must be added on the ledger first.",
        "请检查 --as 与 --key；新密钥须先登记到账本。",
    ),
    Rejection.ENVELOPE_REVOKED_KEY: Sentence(
        "The signing key was revoked.",
        "签名密钥已被撤销。",
        "Sign with another key of the member.",
        "请改用该成员的其他密钥签名。",
    ),
    Rejection.ENVELOPE_BAD_SIGNATURE: Sentence(
        "The envelope's signature does not hold.",
        "报文签名无效。",
        "Check that the key file here is the one whose key stands on the ledger.",
        "请核对本机密钥文件与账本登记的密钥是否一致。",
    ),
    Rejection.ENVELOPE_REPLAYED: Sentence(
        "The envelope's number was used before, or is too old.",
        "报文编号已使用过或过旧。",
        "Send the command again with a new number; if it recurs, another machine uses the same key.",
        "请以新编号重新发送；若再次发生，说明另有机器在使用同一密钥。",
    ),
    Rejection.ENVELOPE_OVER_BOUND: Sentence(
        "The member sent more envelopes in one block than the charter allows.",
        "该成员在一个区块内发送的报文数超过章程上限。",
        "Send again in a moment, and put more commands into one envelope.",
        "请稍后重发，并将更多指令合并到一个报文中。",
    ),
    Rejection.COMMAND_UNKNOWN: Sentence(
        "The ledger knows no command of this type.",
        "账本不识别该类型的指令。",
        "Check that client and ledger are of the same version.",
        "请核对客户端与账本的版本是否一致。",
    ),
    Rejection.COMMAND_NOT_ACTIVE: Sentence(
        "The command is not active yet at this height.",
        "该指令在当前高度尚未启用。",
        "Wait for the height from which it is active.",
        "请等待其启用高度。",
    ),
    Rejection.COMMAND_MALFORMED: Sentence(
        "The command lacks a field, has one too many, or one is out of its bounds.",
        "指令缺少字段、多出字段或字段超出范围。",
        "Check that client and ledger are of the same version.",
        "请核对客户端与账本的版本是否一致。",
    ),
    Rejection.COMMAND_FELL_WITH_OTHERS: Sentence(
        "Another command of the same envelope was refused, and all of them stand or fall together.",
        "同一报文中的另一指令被拒绝，而这些指令须同时成立。",
        "Mend the command that was refused, then send all again.",
        "请修正被拒绝的指令后全部重发。",
    ),
    Rejection.ROLE_NOT_PERMITTED: Sentence(
        "The member's roles do not permit this command.",
        "该成员的角色无权发出此指令。",
        "Let a member with the right role send it.",
        "请由具有相应角色的成员发出。",
    ),
    Rejection.MEMBER_SUSPENDED: Sentence(
        "The member is suspended and may start nothing new.",
        "该成员已被暂停，不得开展新业务。",
        "Service what runs; the alliance must resume the member first.",
        "存量业务可继续办理；新业务须待联盟恢复该成员资格。",
    ),
    Rejection.SIGNING_KEY_REVOKED: Sentence(
        "An earlier command of the same envelope has revoked the key that signed it.",
        "同一报文中较早的指令已吊销其签名密钥。",
        "Send the rest with a key that is good.",
        "请以有效密钥重新发送其余指令。",
    ),
    Rejection.QUOTA_EXISTS: Sentence(
        "This declaration is attested already in this currency.",
        "该报关单的此币种已经核证。",
        "Amend it if its value has changed.",
        "如金额有变，请办理改单。",
    ),
    Rejection.QUOTA_UNKNOWN: Sentence(
        "Nothing is attested under this handle and currency.",
        "该标识与币种下没有核证记录。",
        "Check number and currency; customs may not have attested it yet.",
        "请核对编号与币种；海关可能尚未核证。",
    ),
    Rejection.QUOTA_NOT_ISSUER: Sentence(
        "Another authority attested it, and only that one may change it.",
        "该记录由另一机构核证，仅原机构可以变更。",
        "Ask the authority that attested it.",
        "请联系原核证机构。",
    ),
    Rejection.QUOTA_WRONG_KIND: Sentence(
        "It is not of the kind that this command draws on, for instance an import instead of an export.",
        "其类别不适用于此指令，例如应为出口而实为进口。",
        "Name a declaration of the right kind.",
        "请改用类别相符的报关单。",
    ),
    Rejection.DRAW_EXPIRED: Sentence(
        "The owner's signature for this draw has expired.",
        "企业对本次支用的签名已过期。",
        "Ask the owner for a new consent slip.",
        "请企业出具新的同意书。",
    ),
    Rejection.DRAW_BAD_SIGNATURE: Sentence(
        "The owner's signature for this draw does not hold.",
        "企业对本次支用的签名无效。",
        "Ask the owner for a new consent slip for this bank, loan and amount; the draw key may have been replaced.",
        "请企业按本行、本笔融资及金额重新出具同意书；支用密钥可能已更换。",
    ),
    Rejection.QUOTA_WITHDRAWN: Sentence(
        "The declaration was cancelled.",
        "该报关单已撤单。",
        "Nothing can be drawn on it any more; use another declaration.",
        "不能再以其办理融资；请改用其他报关单。",
    ),
    Rejection.QUOTA_SUSPENDED: Sentence(
        "Nothing can be drawn on the declaration now: it is not closed yet, or customs has suspended it.",
        "该报关单目前不能支用：尚未结关，或已被海关暂停。",
        "Wait for closing, or ask the owner what customs has said.",
        "请待结关，或向企业了解海关的意见。",
    ),
    Rejection.QUOTA_ALREADY_THERE: Sentence(
        "This loan has a hold on the declaration already.",
        "本笔融资已占用该报关单。",
        "Name each declaration once.",
        "每份报关单只列一次。",
    ),
    Rejection.HOLD_TOO_LONG: Sentence(
        "The hold would last longer than the charter allows.",
        "占用期限超过章程上限。",
        "Hold for a shorter time.",
        "请缩短占用期限。",
    ),
    Rejection.HOLD_UNKNOWN: Sentence(
        "The loan has no hold on this declaration.",
        "本笔融资未占用该报关单。",
        "Look at the loan's declarations with `kouan financing show`.",
        "请用 `kouan financing show` 查看该笔融资的报关单。",
    ),
    Rejection.HOLD_LAPSED: Sentence(
        "The hold has lapsed: its time is over.",
        "占用已到期自动释放。",
        "Ask the owner for a new consent slip and hold again.",
        "请企业重新出具同意书后再次占用。",
    ),
    Rejection.HOLD_EXTENDED_ALREADY: Sentence(
        "The hold was extended once already, and that is all.",
        "占用已延长过一次，不可再延。",
        "Disburse before it lapses, or hold again afterwards.",
        "请在到期前放款，或到期后重新占用。",
    ),
    Rejection.HOLD_SMALLER: Sentence(
        "Less is held than is to be paid out.",
        "占用金额小于拟放款金额。",
        "Disburse at most what is held.",
        "放款金额请不超过占用金额。",
    ),
    Rejection.HOLDS_TOO_MANY: Sentence(
        "Sixteen holds live on this declaration, which is as many as there may be.",
        "该报关单上的有效占用已达十六笔上限。",
        "Wait until one lapses or is released.",
        "请等待其中一笔到期或解除。",
    ),
    Rejection.HOLD_THIRD: Sentence(
        "Two holds of this bank on the declaration have lapsed undrawn; there is no third.",
        "本行对该报关单的占用已两次到期未用，不予第三次。",
        "Use another declaration.",
        "请改用其他报关单。",
    ),
    Rejection.QUOTA_EXCEEDED: Sentence(
        "More is asked for than is still free on this ledger: the rest is financed, held or paid.",
        "申请金额超过本账本上的剩余可融资余额：其余部分已融资、已占用或已收汇。",
        "Ask for at most what is free, or use another declaration.",
        "申请金额请不超过可融资余额，或改用其他报关单。",
    ),
    Rejection.QUOTA_LESS_USED: Sentence(
        "Less is outstanding than is to be given back.",
        "未还金额小于拟归还金额。",
        "Give back at most what is outstanding.",
        "归还金额请不超过未还金额。",
    ),
    Rejection.QUOTA_NUMBER_TOO_LARGE: Sentence(
        "The number would be larger than the ledger can hold.",
        "数值超出账本可记载的上限。",
        "Check the amount for a mistyped figure.",
        "请检查金额是否录入错误。",
    ),
}
