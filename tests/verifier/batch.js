// Runs the second verifier over many files in one process: reads {calls: [[function, ...arguments]]} from standard
// input, bytes as base64, and writes an array of {value} or {error: name}.
"use strict";

const verifier = require("../../verifier/kouan-verify.js");
const { readFileSync } = require("node:fs");

const bytes = (base64) => new Uint8Array(Buffer.from(base64, "base64"));

const FUNCTIONS = {
  verify: (proof, trust, nowMs) => verifier.verifyProof(bytes(proof), bytes(trust), nowMs),
  recode: (data) => Buffer.from(verifier.encode(verifier.decode("data", bytes(data)))).toString("base64"),
  isSigned: verifier.isSigned,
  root: async (leaf) => Buffer.from(await verifier.rootOf(leaf)).toString("base64"),
};

async function answer([name, ...given]) {
  try {
    return { value: await FUNCTIONS[name](...given) };
  } catch (problem) {
    return { error: problem.constructor.name };
  }
}

async function main() {
  const { calls } = JSON.parse(readFileSync(0, "utf8"));
  const answers = [];
  for (const call of calls) answers.push(await answer(call));
  process.stdout.write(JSON.stringify(answers));
}

main();
