"""What the alliance's commands refuse, said to people."""

from __future__ import annotations

from typing import Final

from kouan.client.sentences_kernel import Sentence
from kouan.kernel.rejections import Rejection

ALLIANCE: Final = {
    Rejection.ENTERPRISE_ONBOARDED: Sentence(
        "The enterprise is on the ledger already.",
        "该企业已在账本登记。",
        "Nothing needs to be done.",
        "无需重复办理。",
    ),
    Rejection.PROPOSAL_EXISTS: Sentence(
        "There is a proposal with this id already.",
        "已有相同编号的提案。",
        "Propose again with a new id.",
        "请以新编号重新提出。",
    ),
    Rejection.PROPOSAL_UNKNOWN: Sentence(
        "There is no proposal with this id.",
        "没有该编号的提案。",
        "Check the id.",
        "请核对编号。",
    ),
    Rejection.PROPOSAL_ENACTED: Sentence(
        "The proposal is enacted already.",
        "该提案已经生效。",
        "Nothing needs to be done.",
        "无需再办理。",
    ),
    Rejection.PROPOSAL_EXPIRED: Sentence(
        "The proposal has expired.",
        "该提案已过期。",
        "Propose it again.",
        "请重新提出。",
    ),
    Rejection.VOTE_CONCERNED: Sentence(
        "The proposal is about this member, which has no vote on it.",
        "该提案涉及本成员，本成员无表决权。",
        "Let the other members vote.",
        "请由其他成员表决。",
    ),
    Rejection.PROPOSAL_NOT_CARRIED: Sentence(
        "The proposal does not have the votes and consents that it needs.",
        "该提案尚未取得所需的票数与同意。",
        "Wait for further votes.",
        "请等待其他成员表决。",
    ),
    Rejection.PROPOSAL_TOO_EARLY: Sentence(
        "The proposal is carried, but its waiting time is not over.",
        "该提案已通过，但等待期未满。",
        "Enact it when the waiting time is over.",
        "请在等待期满后执行。",
    ),
    Rejection.LEDGER_HAS_NO_OPERATOR: Sentence(
        "The members run this ledger together, so it has no operator whose key could change.",
        "本账本由各成员共同运行，没有可更换密钥的运营方。",
        "Propose a change of validators instead.",
        "请改为提出验证节点变更。",
    ),
    Rejection.LEDGER_HAS_NO_VALIDATORS: Sentence(
        "One operator runs this ledger, so it has no validators.",
        "本账本由单一运营方运行，没有验证节点。",
        "Propose a change of the operator instead.",
        "请改为提出运营方变更。",
    ),
    Rejection.PARAMETER_UNKNOWN: Sentence(
        "The charter has no parameter of this name.",
        "章程中没有该参数。",
        "Check the name.",
        "请核对参数名称。",
    ),
    Rejection.PARAMETER_OUT_OF_BOUNDS: Sentence(
        "The value lies outside the parameter's bounds.",
        "参数值超出允许范围。",
        "Choose a value within the bounds.",
        "请选择范围内的数值。",
    ),
    Rejection.MEMBER_UNKNOWN: Sentence(
        "The alliance has no such member.",
        "联盟中没有该成员。",
        "Check the member's id.",
        "请核对成员编号。",
    ),
    Rejection.MEMBER_EXISTS: Sentence(
        "The alliance has a member with this id already.",
        "联盟中已有该编号的成员。",
        "Choose another id.",
        "请改用其他编号。",
    ),
    Rejection.MEMBERS_TOO_MANY: Sentence(
        "The alliance has as many members as it may have.",
        "联盟成员数已达上限。",
        "A member must leave first.",
        "须先有成员退出。",
    ),
    Rejection.CHANGE_WITHOUT_EFFECT: Sentence(
        "The change would change nothing.",
        "该变更不产生任何变化。",
        "Nothing needs to be done.",
        "无需办理。",
    ),
    Rejection.ROLES_UNSOUND: Sentence(
        "One member may not have these roles together, or a role is unknown.",
        "这些角色不能由同一成员兼任，或角色不存在。",
        "Choose roles that go together.",
        "请选择可兼任的角色。",
    ),
    Rejection.ROLE_TAKEN: Sentence(
        "Another member has the role, which only one may have.",
        "该角色只能由一个成员担任，且已有担任者。",
        "Move the role from that member in the same proposal.",
        "请在同一提案中由原成员转出该角色。",
    ),
    Rejection.ROLE_LEFT_EMPTY: Sentence(
        "Nobody would be left with a role that the alliance needs.",
        "变更后将无人担任联盟必需的角色。",
        "Give the role to another member in the same proposal.",
        "请在同一提案中由其他成员接任。",
    ),
    Rejection.INCARNATION_TOO_LOW: Sentence(
        "The ledger's incarnation number must rise.",
        "账本的代次编号必须递增。",
        "Propose a higher number.",
        "请提出更大的编号。",
    ),
    Rejection.VALIDATOR_UNKNOWN: Sentence(
        "The member runs no validator.",
        "该成员没有运行验证节点。",
        "Let the members vote one for it.",
        "请由成员表决为其设立验证节点。",
    ),
    Rejection.VALIDATOR_SUSPENDED: Sentence(
        "The validator is suspended for breaking the rules of consensus.",
        "该验证节点因违反共识规则已被暂停。",
        "Only a vote of the members brings it back, with a new key.",
        "须经成员表决，以新密钥恢复。",
    ),
    Rejection.VALIDATOR_KEY_MISFIT: Sentence(
        "A new or suspended validator needs a new key, and one that goes needs none.",
        "新设或恢复的验证节点须附新密钥，撤销验证节点则不应附密钥。",
        "Give the key, or leave it out.",
        "请补充或去掉公钥。",
    ),
    Rejection.VALIDATORS_TOO_MANY: Sentence(
        "The ledger has as many validators as it may have.",
        "验证节点数已达上限。",
        "Another must go first.",
        "须先撤销其他验证节点。",
    ),
    Rejection.VALIDATORS_LEFT_EMPTY: Sentence(
        "No validator with any power would be left, and the ledger would stand still.",
        "变更后将没有任何有权重的验证节点，账本将停止运行。",
        "Add another validator first.",
        "请先增设其他验证节点。",
    ),
    Rejection.PROTOCOL_NOT_NEXT: Sentence(
        "The protocol version must be the one after the version in force.",
        "协议版本须为现行版本的下一版本。",
        "Propose the next version.",
        "请提出下一版本。",
    ),
    Rejection.PROTOCOL_BAD_HEIGHT: Sentence(
        "The block from which the version would hold is too near or too far.",
        "新版本的生效区块过近或过远。",
        "Choose a block at least 100 and at most 10,000,000 ahead of the enactment.",
        "请选择提案生效后 100 至 10,000,000 个区块之间的高度。",
    ),
    Rejection.KEY_UNKNOWN: Sentence(
        "The member has no key of this name.",
        "该成员没有此名称的密钥。",
        "Check the key's name.",
        "请核对密钥名称。",
    ),
    Rejection.KEY_REVOKED_ALREADY: Sentence(
        "The key is revoked already.",
        "该密钥已被撤销。",
        "Nothing needs to be done.",
        "无需再办理。",
    ),
    Rejection.KEY_LAST: Sentence(
        "It is the member's last good key; without it nobody could act for the member.",
        "这是该成员最后一把有效密钥，撤销后将无人能代其操作。",
        "Add a new key first, or rotate.",
        "请先新增密钥，或办理轮换。",
    ),
    Rejection.KEY_NOT_LOST: Sentence(
        "The member still has a good key and can add others itself.",
        "该成员仍有有效密钥，可自行新增。",
        "Let the member add the key.",
        "请由该成员自行新增。",
    ),
    Rejection.KEY_NAME_TAKEN: Sentence(
        "The member has a key of this name already.",
        "该成员已有同名密钥。",
        "Choose another name.",
        "请改用其他名称。",
    ),
    Rejection.KEYS_TOO_MANY: Sentence(
        "The member has as many keys as it may have.",
        "该成员的密钥数已达上限。",
        "Use one of the keys that are there.",
        "请使用现有密钥。",
    ),
    Rejection.KEY_UNSOUND: Sentence(
        "The public key is one for which signatures prove nothing.",
        "该公钥的签名不具证明力。",
        "Make a new key pair.",
        "请重新生成密钥对。",
    ),
    Rejection.KEY_PUBLIC_IN_USE: Sentence(
        "This very key is there already, under another name or with another member.",
        "同一公钥已以其他名称或在其他成员名下登记。",
        "Make a new key pair.",
        "请重新生成密钥对。",
    ),
    Rejection.KEY_BAD_SIGNATURE: Sentence(
        "The new key's own signature does not hold, so nobody is shown to have it.",
        "新密钥的自签名无效，无法证明有人持有该密钥。",
        "Sign with the new key itself.",
        "请用新密钥本身签名。",
    ),
    Rejection.POWER_MOVED_TOO_FAST: Sentence(
        "Too much of the alliance's power would change hands within one trust period.",
        "一个信任期内联盟权力变动过大。",
        "Try again after the trust period.",
        "请在信任期结束后重试。",
    ),
    Rejection.HANDOVER_NOT_FITTING: Sentence(
        "A handover is missing, or is not the one that the proposal is about.",
        "缺少交接文件，或交接文件与提案不符。",
        "Make the handover for this very proposal.",
        "请按本提案制作交接文件。",
    ),
    Rejection.HANDOVER_BAD_HEIGHT: Sentence(
        "The handover takes effect at a height that is not possible.",
        "交接的生效高度不可行。",
        "Choose a height after the last handover and close to the present one.",
        "请选择晚于上次交接且接近当前的高度。",
    ),
    Rejection.HANDOVER_BAD_SIGNATURE: Sentence(
        "The handover is not signed by the present operator.",
        "交接文件没有现任运营方的有效签名。",
        "Let the present operator sign it.",
        "请由现任运营方签署。",
    ),
}
