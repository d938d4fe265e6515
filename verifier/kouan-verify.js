// Kouan's second offline verifier, for Node 20 or later and for browsers. One file; only the proofs of a ledger that
// validators run (kouan/proof/2) need noble-ed25519.js beside it.
//
//   node kouan-verify.js PROOF --trust alliance.json [--archival | --now TIME] [--json]
//
// prints what is proven, in English and Chinese, or with --json the verdict as one document; TIME is ISO 8601 with its
// offset, or milliseconds since 1970; exit code 0: proven, 1: not proven, 2: a file or an option is
// unusable. In a page, after <script src="noble-ed25519.js"> and <script src="kouan-verify.js">, it is `await kouanVerify.verifyProof(proof, trust, nowMs)`
// (files as Uint8Array; nowMs null for archival mode). It was written from docs/reference/, whose proof.md numbers the
// steps that the comments cite, and shares no code with the first verifier. No proof can show, in either mode, that no
// later handover exists: the key of an operator that was replaced can still sign a checkpoint with the time of today,
// and so can the keys of former validators together that had more than two thirds of the power.
"use strict";

const MAX_BYTES = 512 * 1024;
const MAX_NETWORK_BYTES = 4 * 1024 * 1024; // a network's proof carries the changes of its validators
const MAX_DEPTH = 16;
const MAX_AHEAD_MS = 5 * 60 * 1000;
const LAST_MOMENT_MS = 253402300799999; // the end of the year 9999
const SUITE = "ed25519-sha256";

/** Thrown when a file cannot be judged at all (steps 1 and 2). */
class UnusableError extends Error {}

class NotProven extends Error {
  constructor(failure, step = FAILURES[failure][0]) {
    super(FAILURES[failure][1]);
    this.failure = failure;
    this.step = step;
  }
}

const FAILURES = {
  "wrong-alliance": [3, "the checkpoint is not of the alliance in the trust file", "检查点不属于信任文件所载的联盟"],
  "handover-order": [4, "the operator's handovers do not follow one another", "运营方的交接记录前后不衔接"],
  "handover-signature": [4, "a handover is not signed by the operator before it", "某次交接没有前任运营方的有效签名"],
  "wrong-operator": [4, "the checkpoint names another operator than the handovers lead to", "检查点的运营方与交接结果不符"],
  "wrong-chain": [4, "the header is of another alliance", "区块头属于另一联盟"],
  "height-before": [
    4, "the header's height is below the one from which the set is trusted", "区块头的高度早于该验证节点集合开始受信的高度",
  ],
  "time-before": [
    4, "the header's time is before that from which the set is trusted", "区块头的时间早于该验证节点集合开始受信的时间",
  ],
  "header-from-the-future": [4, "the header's time is later than the verifier's clock", "区块头的时间晚于核验方的时钟"],
  "set-order": [
    4, "a validator set is not in order: most power first, then by address, each key once",
    "验证节点集合的次序不对:应按权重由大到小、再按地址排列,且每个密钥只出现一次",
  ],
  "wrong-set": [4, "the header was decided by another validator set", "该区块头由另一组验证节点决定"],
  "wrong-next-set": [
    4, "the header names another set for the next height", "区块头指定的下一组验证节点与所附的不符",
  ],
  "skip-archival": [
    4, "validator sets are left out, which only a clock allows", "略过了验证节点集合的变更,而这只有凭时钟才允许",
  ],
  "trust-expired": [
    4, "validator sets are left out, and the trusted one is older than the trust period",
    "略过了验证节点集合的变更,而受信的集合已超出信任期",
  ],
  "commit-height": [4, "the commit is of another height", "提交记录属于另一高度"],
  "commit-block": [4, "the commit is for another block", "提交记录针对的是另一区块"],
  "commit-size": [4, "the commit has not as many places as the set has validators", "提交记录的席位数与验证节点数不符"],
  "duplicate-vote": [4, "a validator votes twice in the commit", "提交记录中有验证节点投票两次"],
  "commit-order": [4, "a vote stands in the place of another validator", "某张投票占了另一验证节点的席位"],
  "commit-signature": [4, "a vote's signature does not hold", "某张投票的签名无效"],
  "little-trusted-power": [
    4, "no more than a third of the trusted set's power signed", "签名者在受信集合中的权重不超过三分之一",
  ],
  "little-power": [4, "no more than two thirds of the set's power signed", "签名者的权重不超过该集合的三分之二"],
  "previous-header": [5, "the header is not the one that follows the block's own", "该区块头并非紧接本区块的区块头"],
  "other-roots": [5, "the header vouches for other roots than the checkpoint's", "区块头所证明的根与检查点的不符"],
  "checkpoint-signature": [5, "the checkpoint's signature does not hold", "检查点的签名无效"],
  "leaf-path": [6, "a leaf does not lead to the state root of the checkpoint", "某条记录的路径通不到检查点的状态根"],
  "leaf-key": [7, "the leaves are not those that the statement is about", "所附记录并非该陈述所涉的记录"],
  "record-shape": [8, "a record has not the shape that this verifier knows", "某条记录的格式不为本核验程序所识"],
  "no-quota": [8, "the ledger holds no such quota", "账本上没有这条记录"],
  "other-amount": [8, "what is available is another amount", "可用余额与所述金额不符"],
  "drawn": [8, "a part is drawn or held", "其中有一部分已被支用或占用"],
  "no-loan": [8, "the ledger holds no such loan", "账本上没有这笔融资"],
  "not-paid-out": [8, "nothing of the loan is paid out", "这笔融资没有放款"],
  "from-the-future": [9, "the checkpoint is later than the verifier's clock", "检查点的时间晚于核验方的时钟"],
  "too-old": [9, "the checkpoint is older than the trust period", "检查点已超出信任期"],
};

// Canonical JSON (docs/reference/encoding.md).

function encode(value, depth = 0) {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) throw new Error("numbers must be integers within ±(2^53-1)");
    return String(value);
  }
  if (typeof value === "string") return quote(value);
  if (depth === MAX_DEPTH) throw new Error(`nested more than ${MAX_DEPTH} deep`);
  if (Array.isArray(value)) return `[${value.map((item) => encode(item, depth + 1)).join(",")}]`;
  const members = Object.keys(value).sort().map((key) => `${quote(key)}:${encode(value[key], depth + 1)}`);
  return `{${members.join(",")}}`;
}

function quote(string) {
  if (!/^[\x20-\x7e]*$/.test(string)) throw new Error("strings must be printable ASCII");
  return JSON.stringify(string);
}

function decode(name, bytes, most = MAX_BYTES) { // step 1
  if (bytes.length > most) throw new UnusableError(`${name}: at most ${most} bytes are read`);
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("").replace(/^[\t-\r ]+|[\t-\r ]+$/g, "");
  if (!/^[\x20-\x7e]*$/.test(text)) throw new UnusableError(`${name}: not printable ASCII`);
  let value;
  let canonical;
  try {
    value = JSON.parse(text);
    canonical = encode(value);
  } catch (problem) {
    throw new UnusableError(`${name}: ${problem.message}`);
  }
  if (canonical !== text) throw new UnusableError(`${name}: not canonical JSON`);
  return value;
}

// Shapes: a check is a function from a value to true or false.

const text = (pattern) => (value) => typeof value === "string" && pattern.test(value);
const integer = (low, high = Number.MAX_SAFE_INTEGER) => (value) =>
  Number.isSafeInteger(value) && value >= low && value <= high;
const list = (item, most, least = 0) => (value) =>
  Array.isArray(value) && value.length >= least && value.length <= most && value.every(item);
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const map = (key, item, most = Infinity, least = 0) => (value) => {
  if (!isObject(value)) return false;
  const names = Object.keys(value);
  return names.length >= least && names.length <= most && names.every((name) => key(name) && item(value[name]));
};
const orNull = (check) => (value) => value === null || check(value);
const just = (...allowed) => (value) => allowed.includes(value);
const fields = (checks) => (value) => // at least these fields
  isObject(value) && Object.keys(checks).every((name) => Object.hasOwn(value, name) && checks[name](value[name]));
const record = (checks) => (value) => // just these fields
  fields(checks)(value) && Object.keys(value).length === Object.keys(checks).length;

const count = integer(0);
const positive = integer(1);
const flag = (value) => typeof value === "boolean";
const bytes16 = text(/^[A-Za-z0-9_-]{21}[AQgw]$/);
const bytes32 = text(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/);
const bytes64 = text(/^[A-Za-z0-9_-]{85}[AQgw]$/);
const code = text(/^[a-z0-9][a-z0-9.-]{0,31}$/);
const unit = text(/^[A-Z0-9]{3,8}$/);
const anyText = (value) => typeof value === "string";
const quotaId = text(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]\.[A-Z0-9]{3,8}$/);
const stateKey = text(/^[A-Za-z0-9._/-]{1,128}$/);

const ROLES = ["attester", "bank", "convener", "customs", "evaluator", "operator", "overseer", "second-holder"];
const isMember = record({
  id: code,
  keys: map(code, record({ public: bytes32, suite: code }), 256, 1),
  roles: list(just(...ROLES), Infinity),
  sealing: bytes32,
});
const FOUNDING = {
  charter: map(anyText, integer(Number.MIN_SAFE_INTEGER)),
  founded_ms: positive,
  members: list(isMember, 256, 1),
  name: code,
  nonce: bytes16,
  second_holder: code,
  suite: code,
};
const isOperatorTrust = record({
  format: just("kouan/trust/1"),
  founding: record({ ...FOUNDING, engine: just("embedded"), operator: bytes32 }),
});
const isNetworkTrust = record({
  format: just("kouan/trust/2"),
  founding: record({
    ...FOUNDING,
    engine: just("cometbft"),
    validators: map(code, record({ power: integer(1, 1_000_000), public: bytes32 }), 64, 1),
  }),
  signatures: map(code, record({ key: code, signature: bytes64 })),
});
const isTrust = (value) => isOperatorTrust(value) || isNetworkTrust(value);
const isCheckpoint = record({
  alliance: bytes32,
  height: count,
  incarnation: count,
  operator: bytes32,
  receipts_root: bytes32,
  signature: bytes64,
  state_root: bytes32,
  time_ms: integer(0, LAST_MOMENT_MS),
});
const isHandover = record({
  alliance: bytes32,
  from_height: positive,
  incarnation: count,
  index: count,
  public: bytes32,
  signature: bytes64,
});
const hashOrNone = text(/^(?:[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])?$/);
const address = text(/^[A-Za-z0-9_-]{26}[AEIMQUYcgkosw048]$/);
const isTime = record({ nanos: integer(0, 999_999_999), seconds: integer(0, 253402300799) });
const isBlockId = record({ hash: hashOrNone, parts_hash: hashOrNone, parts_total: integer(0, 2 ** 32 - 1) });
const isHeader = record({
  app_hash: text(/^(?:[A-Za-z0-9_-]{4}){0,10}(?:[A-Za-z0-9_-][AQgw]|[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048])?$/),
  chain_id: text(/^[A-Za-z0-9._-]{1,50}$/),
  consensus_hash: hashOrNone,
  data_hash: hashOrNone,
  evidence_hash: hashOrNone,
  height: positive,
  last_block_id: isBlockId,
  last_commit_hash: hashOrNone,
  last_results_hash: hashOrNone,
  next_validators_hash: bytes32,
  proposer_address: address,
  time: isTime,
  validators_hash: bytes32,
  version: record({ app: count, block: count }),
});
const isCommit = record({
  block_id: isBlockId,
  height: positive,
  round: integer(0, 2 ** 31 - 1),
  signatures: list(orNull(record({ address, for_block: flag, signature: bytes64, time: isTime })), 256, 1),
});
const isSet = list(record({ power: positive, public: bytes32 }), 256, 1);
const isStep = record({
  next: isSet,
  signed: record({ commit: isCommit, header: isHeader }),
  validators: orNull(isSet),
});
const isNetworkCheckpoint = record({
  alliance: bytes32,
  commit: isCommit,
  header: isHeader,
  previous: isHeader,
  receipts_root: bytes32,
  state_root: bytes32,
  steps: list(isStep, 1000),
});
const isLeaf = record({
  key: stateKey,
  other: orNull(record({ path: bytes32, value_hash: bytes32 })),
  siblings: list(text(/^(?:A[Q-Za-v][A-Za-z0-9_-]{42})?$/), 256),
  value: orNull(isObject),
});
const STATEMENTS = [
  record({ key: stateKey, kind: just("record") }),
  record({ amount: count, kind: just("available"), quota: quotaId }),
  record({ kind: just("not-financed"), quota: quotaId }),
  record({ financing: bytes16, kind: just("financed") }),
];
const isStatement = (value) => STATEMENTS.some((check) => check(value));
const isOperatorProof = record({
  checkpoint: isCheckpoint,
  format: just("kouan/proof/1"),
  handovers: list(isHandover, 1000),
  leaves: list(isLeaf, 65, 1),
  statement: isStatement,
});
const isNetworkProof = record({
  checkpoint: isNetworkCheckpoint,
  format: just("kouan/proof/2"),
  leaves: list(isLeaf, 65, 1),
  statement: isStatement,
});
const isQuota = record({
  attested: count,
  collected: count,
  commitment: bytes32,
  custodial: flag,
  draw_key: bytes32,
  draws: count,
  facts: map(anyText, anyText),
  fingerprints: bytes32,
  holds: list(
    record({ amount: positive, drawer: code, drawn: flag, extended: flag, financing: anyText, lapse_ms: positive }),
    16,
  ),
  id: anyText,
  issuer: code,
  kind: code,
  lapses: map(code, count),
  limit: count,
  ratio_bp: count,
  revision: count,
  seal: bytes32,
  settled: flag,
  spent: count,
  status: code,
  unit,
  used: count,
});
const isLoan = fields({
  allocations: list(fields({ amount: count, drawn: count, held: count, quota: quotaId, repaid: count }), Infinity, 1),
  amount: positive,
  bank: code,
  currency: unit,
  id: anyText,
  lapse_ms: count,
});

// Bytes, hashes and signatures (docs/reference/encoding.md, "Hashes and signatures").

const ascii = (string) => Uint8Array.from(string, (character) => character.charCodeAt(0));

function fromText(base64url) {
  return ascii(atob(base64url.replaceAll("-", "+").replaceAll("_", "/")));
}

function toText(bytes) {
  const base64 = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  return base64.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const same = (left, right) => hex(left) === hex(right);

function concat(...parts) {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const tagged = (tag, ...parts) => concat(ascii(`${tag}\0`), ...parts);

const sha256 = async (...parts) =>
  new Uint8Array(await globalThis.crypto.subtle.digest("SHA-256", concat(...parts)));
const digest = (tag, ...parts) => sha256(tagged(tag, ...parts));

// A signature by a point of small order can hold for many messages; Web Crypto lets such keys pass.
const SMALL_ORDER = new Set(
  [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  ],
);
const withoutSign = (point) => Uint8Array.from(point, (byte, at) => (at === 31 ? byte & 0x7f : byte));
const hasSmallOrder = (point) => SMALL_ORDER.has(hex(withoutSign(point)));
const P_HEX = "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed";
const isReduced = (point) => hex(withoutSign(point).reverse()) < P_HEX;

async function isSigned(key, tag, message, signature) {
  const [point, sig] = [fromText(key), fromText(signature)];
  if (!isReduced(point) || hasSmallOrder(point) || hasSmallOrder(sig.slice(0, 32))) return false;
  const { subtle } = globalThis.crypto;
  try {
    const imported = await subtle.importKey("raw", point, { name: "Ed25519" }, false, ["verify"]);
    return await subtle.verify({ name: "Ed25519" }, imported, sig, tagged(tag, ascii(message)));
  } catch (problem) {
    if (problem.name === "NotSupportedError") throw new UnusableError("this browser cannot verify Ed25519 signatures");
    return false; // the bytes are no point of the curve
  }
}

function signedPart({ signature, ...rest }) {
  return encode(rest);
}

// Light verification of CometBFT's headers (docs/reference/checkpoint.md). Its bytes are protobuf.

function varint(value) {
  const groups = [];
  let rest = BigInt(value);
  for (; rest > 127n; rest >>= 7n) groups.push(Number(rest & 127n) | 128);
  return Uint8Array.of(...groups, Number(rest));
}

const NOTHING = new Uint8Array();
const fieldOf = (number, content) => concat([number << 3 | 2], varint(content.length), content);
const bytesOf = (number, content) => (content.length ? fieldOf(number, content) : NOTHING);
const numberOf = (number, value) => (value ? concat([number << 3], varint(value)) : NOTHING);

function fixedOf(number, value) {
  if (!value) return NOTHING;
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setBigUint64(0, BigInt(value), true);
  return concat([number << 3 | 1], new Uint8Array(bytes.buffer));
}

const timeOf = (time) => concat(numberOf(1, time.seconds), numberOf(2, time.nanos));
const timeMs = (time) => time.seconds * 1000 + Math.floor(time.nanos / 1_000_000);

function blockIdOf(id) {
  const parts = concat(numberOf(1, id.parts_total), bytesOf(2, fromText(id.parts_hash)));
  return concat(bytesOf(1, fromText(id.hash)), fieldOf(2, parts));
}

async function merkleRoot(leaves) { // RFC 6962 section 2.1
  if (leaves.length < 2) return leaves.length ? sha256([0], leaves[0]) : sha256();
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return sha256([1], await merkleRoot(leaves.slice(0, split)), await merkleRoot(leaves.slice(split)));
}

function headerHash(header) {
  const hashes = [
    "last_commit_hash", "data_hash", "validators_hash", "next_validators_hash", "consensus_hash", "app_hash",
    "last_results_hash", "evidence_hash", "proposer_address",
  ];
  return merkleRoot([
    concat(numberOf(1, header.version.block), numberOf(2, header.version.app)),
    bytesOf(1, ascii(header.chain_id)),
    numberOf(1, header.height),
    timeOf(header.time),
    blockIdOf(header.last_block_id),
    ...hashes.map((name) => bytesOf(1, fromText(header[name]))),
  ]);
}

function setHash(validators) {
  return merkleRoot(validators.map(({ power, public: key }) =>
    concat(fieldOf(1, fieldOf(1, fromText(key))), numberOf(2, power))));
}

function signBytes(chainId, commit, vote) {
  const message = concat(
    numberOf(1, 2), // a precommit
    fixedOf(2, commit.height),
    fixedOf(3, commit.round),
    vote.for_block ? fieldOf(4, blockIdOf(commit.block_id)) : NOTHING,
    fieldOf(5, timeOf(vote.time)),
    bytesOf(6, ascii(chainId)),
  );
  return concat(varint(message.length), message);
}

const addressOf = async (key) => toText((await sha256(fromText(key))).slice(0, 20));

/** CometBFT judges votes by ZIP-215. Web Crypto does not: it refuses keys and signatures that CometBFT lets pass. */
async function isVoteSigned(key, message, signature) {
  const noble = globalThis.nobleEd25519 ?? (typeof require === "function" ? require("./noble-ed25519.js") : null);
  if (!noble) throw new UnusableError("noble-ed25519.js must be loaded before this file");
  return noble.verifyAsync(fromText(signature), message, fromText(key), { zip215: true });
}

function demand(holds, failure) {
  if (!holds) throw new NotProven(failure);
}

const total = (validators) => validators.reduce((sum, { power }) => sum + BigInt(power), 0n);

/** The power of those of a set who voted for the block, in a commit that was checked. */
async function signedPower(commit, validators) {
  const signers = commit.signatures.filter((vote) => vote?.for_block).map((vote) => vote.address);
  let sum = 0n;
  for (const { power, public: key } of validators) {
    if (signers.includes(await addressOf(key))) sum += BigInt(power);
  }
  return sum;
}

function checkPlace(trusted, header, nowMs) {
  demand(header.chain_id === trusted.chain_id, "wrong-chain");
  demand(header.height >= trusted.height, "height-before");
  demand(timeMs(header.time) >= trusted.time_ms, "time-before");
  demand(nowMs === null || timeMs(header.time) <= nowMs + MAX_AHEAD_MS, "header-from-the-future");
}

async function inOrder(validators) {
  const named = await Promise.all(validators.map(async (one) => ({ one, at: hex(fromText(await addressOf(one.public))) })));
  named.sort((a, b) => b.one.power - a.one.power || (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  return named.map(({ one }) => one);
}

async function checkSet(validators, named, otherwise) {
  const keys = new Set(validators.map((one) => one.public));
  const ordered = encode(validators) === encode(await inOrder(validators)) && keys.size === validators.length;
  demand(ordered, "set-order");
  demand(toText(await setHash(validators)) === named, otherwise);
}

async function checkCommit({ header, commit }, validators) {
  demand(commit.height === header.height, "commit-height");
  demand(commit.block_id.hash === toText(await headerHash(header)), "commit-block");
  demand(commit.signatures.length === validators.length, "commit-size");
  const votes = commit.signatures.map((vote, at) => ({ vote, key: validators[at].public })).filter(({ vote }) => vote);
  demand(new Set(votes.map(({ vote }) => vote.address)).size === votes.length, "duplicate-vote");
  for (const { vote, key } of votes) demand(vote.address === (await addressOf(key)), "commit-order");
  for (const { vote, key } of votes) {
    demand(await isVoteSigned(key, signBytes(header.chain_id, commit, vote), vote.signature), "commit-signature");
  }
}

async function checkPower(commit, validators) {
  demand(3n * (await signedPower(commit, validators)) > 2n * total(validators), "little-power");
}

/** Check a header that the trusted set, {chain_id, height, time_ms, validators}, decided. */
async function checkHeader(trusted, signed, nowMs) {
  checkPlace(trusted, signed.header, nowMs);
  demand(signed.header.validators_hash === toText(await setHash(trusted.validators)), "wrong-set");
  await checkCommit(signed, trusted.validators);
  await checkPower(signed.commit, trusted.validators);
}

/** The trust that a step leads to. */
async function advance(trusted, step, nowMs, trustPeriodMs) {
  const { next, signed, validators } = step;
  if (validators === null || encode(validators) === encode(trusted.validators)) {
    await checkHeader(trusted, signed, nowMs);
  } else {
    checkPlace(trusted, signed.header, nowMs);
    demand(signed.header.height > trusted.height, "wrong-set");
    await checkSet(validators, signed.header.validators_hash, "wrong-set");
    demand(nowMs !== null, "skip-archival");
    demand(trusted.time_ms > nowMs - trustPeriodMs, "trust-expired");
    await checkCommit(signed, validators);
    const kept = 3n * (await signedPower(signed.commit, trusted.validators));
    demand(kept > total(trusted.validators), "little-trusted-power");
    await checkPower(signed.commit, validators);
  }
  await checkSet(next, signed.header.next_validators_hash, "wrong-next-set");
  const { chain_id, height, time } = signed.header;
  return { chain_id, height: height + 1, time_ms: timeMs(time), validators: next };
}

// The state tree (docs/reference/tree.md).

const EMPTY = new Uint8Array(33);
const isEmpty = (ref) => ref[0] === 0;
const isInner = (ref) => ref[0] === 2;
const bitOf = (path, level) => (path[level >> 3] >> (7 - (level & 7))) & 1;
const refOfLeaf = async (path, valueHash) => concat([1], await digest("kouan/leaf/1", path, valueHash));

async function rootOf(leaf) {
  const path = await digest("kouan/key/1", ascii(leaf.key));
  const siblings = leaf.siblings.map((sibling) => (sibling ? fromText(sibling) : EMPTY));
  let ref = EMPTY;
  if (leaf.value !== null) {
    if (leaf.other !== null) throw new NotProven("leaf-path");
    ref = await refOfLeaf(path, await digest("kouan/value/1", ascii(encode(leaf.value))));
  } else if (leaf.other !== null) {
    const other = fromText(leaf.other.path);
    if (same(other, path)) throw new NotProven("leaf-path");
    if (siblings.some((_, level) => bitOf(other, level) !== bitOf(path, level))) throw new NotProven("leaf-path");
    ref = await refOfLeaf(other, fromText(leaf.other.value_hash));
  }
  const last = siblings.at(-1);
  if (last && !isInner(last) && (isEmpty(last) || isEmpty(ref))) throw new NotProven("leaf-path");
  for (let level = siblings.length - 1; level >= 0; level--) {
    const pair = bitOf(path, level) ? [siblings[level], ref] : [ref, siblings[level]];
    ref = concat([2], await digest("kouan/inner/1", ...pair));
  }
  return ref.slice(1);
}

// The statement (docs/reference/proof.md).

function checkKeys(leaves, keys) { // step 7
  const differs = leaves.length !== keys.length || leaves.some((leaf, at) => leaf.key !== keys[at]);
  if (differs) throw new NotProven("leaf-key");
}

function quotaOf(leaf, id) {
  if (leaf.value !== null && !(isQuota(leaf.value) && leaf.value.id === id)) throw new NotProven("record-shape");
  return leaf.value;
}

const living = (quota, timeMs) => quota.holds.filter((hold) => hold.lapse_ms > timeMs);

function available(quota, timeMs) {
  if (quota.status !== "active") return 0;
  // One after the other: once below zero it stays there, and above zero every step is exact.
  const rest = living(quota, timeMs).reduce((left, hold) => left - hold.amount, quota.limit - quota.used - quota.spent);
  return Math.max(0, rest);
}

/** What is paid out, of how much, and what is owed, for each unit; units: those of the allocations. */
function paidOut(allocations, units) {
  const [en, zh] = [[], []];
  for (const name of new Set(units)) {
    const parts = allocations.filter((_, at) => units[at] === name);
    const sum = (of) => parts.reduce((total, part) => total + BigInt(of(part)), 0n); // beyond 2^53 too
    const sums = [sum((part) => part.drawn), sum((part) => part.amount), sum((part) => part.drawn - part.repaid)];
    const [paid, agreed, owed] = sums.map((amount) => money(amount, name));
    en.push(`paid out ${paid} of ${agreed} agreed, outstanding ${owed}`);
    zh.push(`约定 ${agreed},已放款 ${paid},未还 ${owed}`);
  }
  return { en: en.join("; "), zh: zh.join(";") };
}

const FOLLOW = { // step 8
  "record"(statement, leaves) {
    checkKeys(leaves, [statement.key]);
    const { key } = statement;
    if (leaves[0].value === null) return { en: `there is no record at ${key}`, zh: `${key} 处没有记录` };
    return { en: `the record in this proof stands at ${key}`, zh: `${key} 处的记录即本证明所载记录` };
  },
  "available"(statement, leaves, timeMs) {
    checkKeys(leaves, [`quota/${statement.quota}`]);
    const quota = quotaOf(leaves[0], statement.quota);
    if (quota === null) throw new NotProven("no-quota");
    if (available(quota, timeMs) !== statement.amount) throw new NotProven("other-amount");
    const amount = money(statement.amount, quota.unit);
    const limits = { export: "可融资余额", import: "可付款余额" };
    const zh = `${quota.id} 的${Object.hasOwn(limits, quota.kind) ? limits[quota.kind] : "可用余额"}为 ${amount}`;
    return { en: `${amount} of ${quota.id} is available`, zh, custodial: quota.custodial };
  },
  "not-financed"(statement, leaves, timeMs) {
    checkKeys(leaves, [`quota/${statement.quota}`]);
    const quota = quotaOf(leaves[0], statement.quota);
    const found = { en: `${statement.quota} is not financed`, zh: `${statement.quota} 未被融资` };
    if (quota === null) return { ...found, enMore: "; it has no record there", zhMore: ";账本上没有它的记录" };
    if (quota.used || quota.spent || living(quota, timeMs).length) throw new NotProven("drawn");
    found.custodial = quota.custodial;
    if (quota.draws === 0) return found;
    const enMore = `; it was financed before (drawdowns: ${quota.draws}) and nothing of that is outstanding`;
    return { ...found, enMore, zhMore: `;此前曾放款 ${quota.draws} 次,现无未还余额` };
  },
  "financed"(statement, leaves, timeMs) {
    checkKeys(leaves.slice(0, 1), [`financing/${statement.financing}`]);
    const loan = leaves[0].value;
    if (loan === null) throw new NotProven("no-loan");
    if (!isLoan(loan) || loan.id !== statement.financing) throw new NotProven("record-shape");
    const { allocations } = loan;
    if (allocations.some((part) => part.repaid > part.drawn)) throw new NotProven("record-shape");
    const ids = allocations.map((part) => part.quota);
    checkKeys(leaves, [leaves[0].key, ...ids.map((id) => `quota/${id}`)]);
    const quotas = ids.map((id, at) => quotaOf(leaves[at + 1], id));
    if (!allocations.some((part) => part.drawn)) throw new NotProven("not-paid-out");
    if (quotas.includes(null)) throw new NotProven("no-quota");
    const amount = money(loan.amount, loan.currency);
    const paid = paidOut(allocations, quotas.map((quota) => quota.unit));
    // The stored state does not know of lapses.
    const isHeld = loan.lapse_ms > timeMs && allocations.some((part) => part.held);
    const isOwed = allocations.some((part) => part.drawn !== part.repaid);
    const [en, zh] = isHeld || isOwed ? ["not settled", "尚未结清"] : ["settled", "已结清"];
    return {
      en: `loan ${loan.id} of ${loan.bank} over ${amount} (${paid.en}) is ${en}`,
      zh: `${loan.bank} 的融资 ${loan.id}(金额 ${amount};${paid.zh})${zh}`,
      custodial: quotas.some((quota) => quota.custodial),
    };
  },
};

// ISO 4217: currencies by their number of decimals; any other unit is shown in its minor units.
const CURRENCIES = {
  0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
  2:
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE " +
    "CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD " +
    "HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK " +
    "MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD " +
    "RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH " +
    "USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG",
  3: "BHD IQD JOD KWD LYD OMR TND",
  4: "CLF UYW",
};
const DECIMALS = new Map(
  Object.entries(CURRENCIES).flatMap(([decimals, codes]) => codes.split(" ").map((name) => [name, Number(decimals)])),
);

function money(amount, currency) {
  const thousands = (digits) => digits.replace(/\B(?=(\d{3})+$)/g, ",");
  const decimals = DECIMALS.get(currency);
  if (decimals === undefined) return `${thousands(String(amount))} ${currency} (minor units)`;
  const digits = String(amount).padStart(decimals + 1, "0");
  const whole = thousands(digits.slice(0, digits.length - decimals));
  return `${currency} ${whole}${decimals ? `.${digits.slice(-decimals)}` : ""}`;
}

// The procedure.

async function readTrust(bytes) {
  const trust = decode("trust file", bytes);
  if (!isTrust(trust)) throw new UnusableError("trust file: not of the format kouan/trust/1 or 2"); // step 2
  if (isNetworkTrust(trust)) await checkFounders(trust);
  if (trust.founding.suite !== SUITE) throw new UnusableError(`trust file: suite must be ${SUITE}`);
  if (!positive(trust.founding.charter.trust_period_ms)) {
    throw new UnusableError("trust file: charter.trust_period_ms must be there and above 0");
  }
  return trust.founding;
}

/** Every member signed the founding document, and nobody else did. */
async function checkFounders({ founding, signatures }) {
  const ids = founding.members.map(({ id }) => id);
  const missing = ids.find((id) => !Object.hasOwn(signatures, id));
  if (missing !== undefined) throw new UnusableError(`trust file: signatures.${missing} is missing`);
  for (const [id, { key, signature }] of Object.entries(signatures)) {
    const keys = founding.members.find((member) => member.id === id)?.keys;
    const known = keys && Object.hasOwn(keys, key);
    const holds = known && (await isSigned(keys[key].public, "kouan/founding-signature/1", encode(founding), signature));
    if (!holds) throw new UnusableError(`trust file: signatures.${id} is not by a founding key of ${id}`);
  }
}

async function checkNetwork(checkpoint, founding, nowMs) {
  const founders = Object.values(founding.validators);
  let trusted = {
    chain_id: checkpoint.alliance, height: 1, time_ms: founding.founded_ms, validators: await inOrder(founders),
  };
  for (const step of checkpoint.steps) { // step 4
    trusted = await advance(trusted, step, nowMs, founding.charter.trust_period_ms);
  }
  const { commit, header, previous } = checkpoint;
  try { // step 5
    await checkHeader(trusted, { commit, header }, nowMs);
  } catch (problem) {
    if (!(problem instanceof NotProven)) throw problem;
    throw new NotProven(problem.failure, 5);
  }
  demand(header.last_block_id.hash === toText(await headerHash(previous)), "previous-header");
  const roots = [checkpoint.state_root, checkpoint.receipts_root].map(fromText);
  demand(header.app_hash === toText(await digest("kouan/app/1", ...roots)), "other-roots");
}

async function checkOperator(checkpoint, handovers, founder) { // step 4
  let [operator, incarnation, fromHeight] = [founder, 0, 0];
  for (const [index, handover] of handovers.entries()) {
    const follows = handover.incarnation === incarnation
      ? handover.from_height >= fromHeight
      : handover.incarnation > incarnation;
    if (
      handover.alliance !== checkpoint.alliance || handover.index !== index || !follows ||
      handover.from_height > checkpoint.height
    ) throw new NotProven("handover-order");
    if (!(await isSigned(operator, "kouan/handover/1", signedPart(handover), handover.signature))) {
      throw new NotProven("handover-signature");
    }
    [operator, incarnation, fromHeight] = [handover.public, handover.incarnation, handover.from_height];
  }
  if (checkpoint.operator !== operator || checkpoint.incarnation !== incarnation) throw new NotProven("wrong-operator");
}

const timeOfCheckpoint = (checkpoint) => checkpoint.time_ms ?? timeMs(checkpoint.previous.time);

async function check(proof, founding, nowMs) {
  const { checkpoint } = proof;
  const alliance = toText(await digest("kouan/founding/1", ascii(encode(founding))));
  if (checkpoint.alliance !== alliance) throw new NotProven("wrong-alliance"); // step 3
  const isNetwork = isNetworkProof(proof);
  if (isNetwork !== (founding.engine === "cometbft")) throw new NotProven("wrong-alliance"); // step 3 too
  if (isNetwork) {
    await checkNetwork(checkpoint, founding, nowMs);
  } else {
    await checkOperator(checkpoint, proof.handovers, founding.operator);
    const { operator, signature } = checkpoint;
    const signed = await isSigned(operator, "kouan/checkpoint/1", signedPart(checkpoint), signature);
    if (!signed) throw new NotProven("checkpoint-signature"); // step 5
  }
  const time_ms = timeOfCheckpoint(checkpoint);
  for (const leaf of proof.leaves) { // step 6
    if (toText(await rootOf(leaf)) !== checkpoint.state_root) throw new NotProven("leaf-path");
  }
  const found = FOLLOW[proof.statement.kind](proof.statement, proof.leaves, time_ms);
  if (nowMs !== null) { // step 9
    if (time_ms > nowMs + MAX_AHEAD_MS) throw new NotProven("from-the-future");
    if (time_ms <= nowMs - founding.charter.trust_period_ms) throw new NotProven("too-old");
  }
  return found;
}

const CUSTODIAL = [" Custodial: a member keeps the draw key for its owner.", "代管:支用密钥由成员代所有人保管。"];
const MODES = {
  live: ["the checkpoint is within the trust period", "实时", "检查点在信任期内"],
  archival: ["it says nothing about later heights", "存档", "对此后的高度不作说明"],
};

/**
 * Verify a proof file against a trust file, both as Uint8Array. nowMs: Unix time in ms for live mode, null for
 * archival mode. Resolves to {proven, mode, statement, en, zh, fingerprint, custodial, failed_step, failure, height,
 * time_ms}; rejects with UnusableError when a file cannot be judged.
 */
async function verifyProof(proofBytes, trustBytes, nowMs) {
  if (nowMs !== null && !Number.isSafeInteger(nowMs)) {
    throw new TypeError("nowMs: Unix time in ms, or null for archival mode");
  }
  const founding = await readTrust(trustBytes);
  const proof = decode("proof", proofBytes, MAX_NETWORK_BYTES);
  const isOperators = isOperatorProof(proof);
  if (!isOperators && !isNetworkProof(proof)) throw new UnusableError("proof: not of the format kouan/proof/1 or 2"); // step 2
  if (isOperators && proofBytes.length > MAX_BYTES) throw new UnusableError(`proof: at most ${MAX_BYTES} bytes are read`);
  const mode = nowMs === null ? "archival" : "live";
  const fingerprint = toText(await digest("kouan/proof/1", ascii(encode(proof))));
  const verdict = { proven: false, mode, statement: proof.statement, fingerprint };
  const unknown = { custodial: false, failed_step: null, failure: null, height: null, time_ms: null };
  const [meaning, modeZh, meaningZh] = MODES[mode];
  try {
    const found = await check(proof, founding, nowMs);
    const height = proof.checkpoint.height ?? proof.checkpoint.previous.height;
    const time_ms = timeOfCheckpoint(proof.checkpoint);
    const time = new Date(time_ms).toISOString().slice(0, 19).replace("T", " ");
    const [custodialEn, custodialZh] = found.custodial ? CUSTODIAL : ["", ""];
    const en = `Proven: ${found.en} on this ledger at height ${height} (${time} UTC)${found.enMore ?? ""}.` +
      `${custodialEn} Mode: ${mode}, ${meaning}.`;
    const zh = `已证明:在本账本高度 ${height}(UTC ${time}),${found.zh}${found.zhMore ?? ""}。` +
      `${custodialZh}核验方式:${modeZh},${meaningZh}。`;
    return { ...verdict, ...unknown, proven: true, en, zh, custodial: found.custodial ?? false, height, time_ms };
  } catch (problem) {
    if (!(problem instanceof NotProven)) throw problem;
    const { step } = problem;
    const [, reason, reasonZh] = FAILURES[problem.failure];
    const en = `Not proven: step ${step} failed: ${reason}. This does not prove the contrary. Mode: ${mode}.`;
    const zh = `未能证明:第 ${step} 步未通过:${reasonZh}。这并不证明相反的情况。核验方式:${modeZh}。`;
    return { ...verdict, ...unknown, en, zh, failed_step: step, failure: problem.failure };
  }
}

// Return a time on the command line in milliseconds since 1970.
function clock(text) {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  const isTime = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(text);
  const ms = isTime ? Date.parse(text.replace(" ", "T")) : NaN;
  if (Number.isNaN(ms)) throw new UnusableError("--now: no time; write it like 2026-11-22T10:30:00+08:00");
  return ms;
}

async function main(argv) {
  const { readFileSync } = require("node:fs");
  const { parseArgs } = require("node:util");
  const usage = "usage: node kouan-verify.js PROOF --trust alliance.json [--archival | --now TIME] [--json]";
  const read = (path) => {
    try {
      return readFileSync(path);
    } catch (problem) {
      const isMissing = problem.code === "ENOENT";
      throw new UnusableError(`${path}: ${isMissing ? "no such file; check the path" : problem.message}`);
    }
  };
  try {
    let given;
    try {
      const [flag, text] = [{ type: "boolean" }, { type: "string" }];
      const options = { trust: text, archival: flag, json: flag, now: text };
      given = parseArgs({ args: argv, options, allowPositionals: true });
    } catch (problem) {
      throw new UnusableError(`${problem.message}\n${usage}`);
    }
    const { values, positionals } = given;
    if (positionals.length !== 1 || values.trust === undefined) throw new UnusableError(usage);
    if (values.now !== undefined && values.archival) throw new UnusableError("--now: archival mode asks no clock");
    const nowMs = values.archival ? null : values.now === undefined ? Date.now() : clock(values.now);
    const verdict = await verifyProof(read(positionals[0]), read(values.trust), nowMs);
    console.log(values.json ? JSON.stringify(verdict, null, 2) : `${verdict.en}\n${verdict.zh}`);
    return verdict.proven ? 0 : 1;
  } catch (problem) {
    const isUnusable = problem instanceof UnusableError;
    if (isUnusable && argv.includes("--json")) {
      const [, field, rest] = /^([^\s:]+(?: file)?): (.+)$/s.exec(problem.message) ?? [null, null, problem.message];
      console.log(JSON.stringify({ error: { field, problem: rest } }, null, 2));
    }
    console.error(isUnusable ? problem.message : problem); // a defect is no verdict either
    return 2;
  }
}

if (typeof module === "object" && module.exports) {
  module.exports = {
    UnusableError, advance, checkHeader, decode, encode, headerHash, isSigned, isVoteSigned, rootOf, setHash, signBytes,
    verifyProof,
  };
  if (require.main === module) main(process.argv.slice(2)).then((exit) => { process.exitCode = exit; });
} else {
  globalThis.kouanVerify = { UnusableError, verifyProof };
}
