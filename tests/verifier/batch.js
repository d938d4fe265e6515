// Runs the second verifier over many files in one process: reads {calls: [[function, ...arguments]]} from standard
// input, bytes as base64, and writes an array of {value} or {error: name}.
"use strict";

const verifier = require("../../verifier/kouan-verify.js");
const { readFileSync } = require("node:fs");

const bytes = (base64) => new Uint8Array(Buffer.from(base64, "base64"));

const toHex = (data) => Buffer.from(data).toString("hex");
const fromHex = (hex) => new Uint8Array(Buffer.from(hex, "hex"));
const toText = (data) => Buffer.from(data).toString("base64url");

const FUNCTIONS = {
  advance: verifier.advance,
  checkHeader: verifier.checkHeader,
  headerHash: async (header) => toHex(await verifier.headerHash(header)),
  setHash: async (validators) => toHex(await verifier.setHash(validators)),
  signBytes: (...given) => toHex(verifier.signBytes(...given)),
  isVoteSigned: (key, message, signature) =>
    verifier.isVoteSigned(toText(fromHex(key)), fromHex(message), toText(fromHex(signature))),
  verify: (proof, trust, nowMs) => verifier.verifyProof(bytes(proof), bytes(trust), nowMs),
  recode: (data) => Buffer.from(verifier.encode(verifier.decode("data", bytes(data)))).toString("base64"),
  isSigned: verifier.isSigned,
  root: async (leaf) => Buffer.from(await verifier.rootOf(leaf)).toString("base64"),
};

async function answer([name, ...given]) {
  try {
    return { value: await FUNCTIONS[name](...given) };
  } catch (problem) {
    return { error: problem.constructor.name, ...(problem.failure && { failure: problem.failure }) };
  }
}

async function main() {
  const { calls } = JSON.parse(readFileSync(0, "utf8"));
  const answers = [];
  for (const call of calls) answers.push(await answer(call));
  process.stdout.write(JSON.stringify(answers));
}

main();
