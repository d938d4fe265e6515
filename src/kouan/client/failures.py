"""Why a statement is not proven: a name that stays, the step of the procedure that failed, and a sentence.

`kouan.client.verifier` lists the steps, `docs/reference/proof.md` the names.
"""

from __future__ import annotations

from enum import Enum

from kouan.kernel.light import Reason


class Failure(Enum):
    """Why a statement is not proven: the step that failed, and a sentence in English and Chinese.

    Those of a header can fail in step 4, where validators are followed, and in step 5.
    """

    WRONG_ALLIANCE = 3, "the checkpoint is not of the alliance in the trust file", "检查点不属于信任文件所载的联盟"
    HANDOVER_ORDER = 4, "the operator's handovers do not follow one another", "运营方的交接记录前后不衔接"
    HANDOVER_SIGNATURE = 4, "a handover is not signed by the operator before it", "某次交接没有前任运营方的有效签名"
    WRONG_OPERATOR = (
        4,
        "the checkpoint names another operator than the handovers lead to",
        "检查点的运营方与交接结果不符",
    )
    WRONG_CHAIN = 4, Reason.WRONG_CHAIN.value, "区块头属于另一联盟"
    HEIGHT_BEFORE = 4, Reason.HEIGHT_BEFORE.value, "区块头的高度早于该验证节点集合开始受信的高度"
    TIME_BEFORE = 4, Reason.TIME_BEFORE.value, "区块头的时间早于该验证节点集合开始受信的时间"
    HEADER_FROM_THE_FUTURE = 4, Reason.HEADER_FROM_THE_FUTURE.value, "区块头的时间晚于核验方的时钟"
    SET_ORDER = 4, Reason.SET_ORDER.value, "验证节点集合的次序不对:应按权重由大到小、再按地址排列,且每个密钥只出现一次"
    WRONG_SET = 4, Reason.WRONG_SET.value, "该区块头由另一组验证节点决定"
    WRONG_NEXT_SET = 4, Reason.WRONG_NEXT_SET.value, "区块头指定的下一组验证节点与所附的不符"
    SKIP_ARCHIVAL = 4, Reason.SKIP_ARCHIVAL.value, "略过了验证节点集合的变更,而这只有凭时钟才允许"
    TRUST_EXPIRED = 4, Reason.TRUST_EXPIRED.value, "略过了验证节点集合的变更,而受信的集合已超出信任期"
    COMMIT_HEIGHT = 4, Reason.COMMIT_HEIGHT.value, "提交记录属于另一高度"
    COMMIT_BLOCK = 4, Reason.COMMIT_BLOCK.value, "提交记录针对的是另一区块"
    COMMIT_SIZE = 4, Reason.COMMIT_SIZE.value, "提交记录的席位数与验证节点数不符"
    DUPLICATE_VOTE = 4, Reason.DUPLICATE_VOTE.value, "提交记录中有验证节点投票两次"
    COMMIT_ORDER = 4, Reason.COMMIT_ORDER.value, "某张投票占了另一验证节点的席位"
    COMMIT_SIGNATURE = 4, Reason.COMMIT_SIGNATURE.value, "某张投票的签名无效"
    LITTLE_TRUSTED_POWER = 4, Reason.LITTLE_TRUSTED_POWER.value, "签名者在受信集合中的权重不超过三分之一"
    LITTLE_POWER = 4, Reason.LITTLE_POWER.value, "签名者的权重不超过该集合的三分之二"
    CHECKPOINT_SIGNATURE = 5, "the checkpoint's signature does not hold", "检查点的签名无效"
    PREVIOUS_HEADER = 5, "the header is not the one that follows the block's own", "该区块头并非紧接本区块的区块头"
    OTHER_ROOTS = 5, "the header vouches for other roots than the checkpoint's", "区块头所证明的根与检查点的不符"
    LEAF_PATH = 6, "a leaf does not lead to the state root of the checkpoint", "某条记录的路径通不到检查点的状态根"
    LEAF_KEY = 7, "the leaves are not those that the statement is about", "所附记录并非该陈述所涉的记录"
    RECORD_SHAPE = 8, "a record has not the shape that this verifier knows", "某条记录的格式不为本核验程序所识"
    NO_QUOTA = 8, "the ledger holds no such quota", "账本上没有这条记录"
    OTHER_AMOUNT = 8, "what is available is another amount", "可用余额与所述金额不符"
    DRAWN = 8, "a part is drawn or held", "其中有一部分已被支用或占用"
    NO_LOAN = 8, "the ledger holds no such loan", "账本上没有这笔融资"
    NOT_PAID_OUT = 8, "nothing of the loan is paid out", "这笔融资没有放款"
    FROM_THE_FUTURE = 9, "the checkpoint is later than the verifier's clock", "检查点的时间晚于核验方的时钟"
    TOO_OLD = 9, "the checkpoint is older than the trust period", "检查点已超出信任期"

    @property
    def step(self) -> int:
        """The step of the procedure that failed, unless a `NotProvenError` says otherwise."""
        return self.value[0]

    @property
    def code(self) -> str:
        """The name in the result, as ``leaf-path``."""
        return self.name.lower().replace("_", "-")


class NotProvenError(Exception):
    """The statement is not proven; carries the `Failure` and the step that failed."""

    def __init__(self, failure: Failure, step: int | None = None) -> None:
        """``step``: where it is not the failure's own."""
        super().__init__(failure.value[1])
        self.failure = failure
        self.step = failure.step if step is None else step
