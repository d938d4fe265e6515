// Loads the second verifier as a page would: a plain script that sees Web Crypto and none of Node's modules.
"use strict";

const { readFileSync } = require("node:fs");
const vm = require("node:vm");

const [script, proof, trust, ...others] = process.argv.slice(2).map((path) => readFileSync(path));
const page = vm.createContext({ crypto, atob, btoa });
for (const one of [...others, script]) vm.runInContext(one.toString(), page);
page.kouanVerify.verifyProof(proof, trust, null).then((verdict) => console.log(verdict.proven));
