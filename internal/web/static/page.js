// The pages work without this. It puts the cursor into the search when "/" is typed, and proves in the browser, from nothing
// but hashes and the log's public key, that an entry is in the log.
"use strict";

document.addEventListener("keydown", (event) => {
  const at = event.target;
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || at.closest("input, textarea, select")) return;
  const search = document.querySelector("[data-search]");
  if (search) {
    event.preventDefault();
    search.focus();
    search.select();
  }
});

const bytes = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
const text = (s) => new TextEncoder().encode(s);
const equal = (a, b) => a.length === b.length && a.every((v, i) => v === b[i]);

async function sha256(...parts) {
  const whole = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    whole.set(p, at);
    at += p.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
}

// The root that an entry's hash and its proof lead to (RFC 9162, section 2.1.3.2); null when the proof does not fit.
// Indexes are numbers below 2^53, so they are halved by division rather than shifted.
async function rootOf(leaf, index, size, proof) {
  let hash = await sha256(Uint8Array.of(0), leaf);
  let fn = index, sn = size - 1;
  for (const p of proof) {
    if (sn === 0) return null;
    if (fn % 2 === 1 || fn === sn) {
      hash = await sha256(Uint8Array.of(1), p, hash);
      while (fn % 2 === 0 && fn !== 0) {
        fn = Math.floor(fn / 2);
        sn = Math.floor(sn / 2);
      }
    } else {
      hash = await sha256(Uint8Array.of(1), hash, p);
    }
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return sn === 0 ? hash : null;
}

// A checkpoint is a note: text, an empty line, and signatures "— NAME BASE64(4 bytes of key hash, signature)".
function readCheckpoint(note) {
  const split = note.lastIndexOf("\n\n");
  const signed = note.slice(0, split + 1);
  const [origin, size, root] = signed.split("\n");
  const signatures = note.slice(split + 2).trim().split("\n").map((line) => {
    const [, name, value] = line.split(" ");
    return { name, value: bytes(value) };
  });
  return { signed, origin, size: Number(size), root: bytes(root), signatures };
}

// A public key in the note format: NAME+HASH+BASE64(algorithm, key). Algorithm 1 is Ed25519.
async function checkSignature(checkpoint, key) {
  const plus = key.indexOf("+"), second = key.indexOf("+", plus + 1);
  const name = key.slice(0, plus), material = bytes(key.slice(second + 1));
  if (material[0] !== 1) throw new Error("the log's key is of a kind that this page does not know");
  const id = (await sha256(text(name + "\n"), material)).slice(0, 4);
  const signature = checkpoint.signatures.find((s) => s.name === name && equal(s.value.slice(0, 4), id));
  if (!signature) return false;
  const imported = await crypto.subtle.importKey("raw", material.slice(1), { name: "Ed25519" }, false, ["verify"]);
  return crypto.subtle.verify({ name: "Ed25519" }, imported, signature.value.slice(4), text(checkpoint.signed));
}

async function verify(button, say) {
  const { index, size, key } = button.dataset;
  const answer = await fetch(`/api/v1/audit/proof/inclusion?index=${index}`, { headers: { Accept: "application/json" } });
  const proof = await answer.json();
  if (!answer.ok) throw new Error(proof.error);
  if (proof.size < Number(size)) return say("bad", `The log had ${size} entries a moment ago and has ${proof.size} now: it was cut.`);
  const root = await rootOf(text(proof.leaf), Number(index), proof.size, proof.proof.map(bytes));
  const checkpoint = readCheckpoint(proof.checkpoint);
  if (!root || checkpoint.size !== proof.size || !equal(root, checkpoint.root)) {
    return say("bad", "The entry is NOT in the log that the checkpoint signs. Somebody changed one of them.");
  }
  let signed;
  try {
    signed = await checkSignature(checkpoint, key);
  } catch (error) {
    return say("good", `Entry ${index} is in the log of ${proof.size} entries. This browser cannot check the checkpoint's signature (${error.message}); gatehouse audit verify can.`);
  }
  if (!signed) return say("bad", "The checkpoint is NOT signed by the log's key.");
  say("good", `Entry ${index} is in the log of ${proof.size} entries: its hash and ${proof.proof.length} others give the root, and the log's key ${checkpoint.origin} signed that root. Computed in this browser.`);
}

const button = document.getElementById("verify");
if (button && window.crypto && crypto.subtle) {
  const result = document.getElementById("result");
  const say = (kind, words) => {
    result.className = kind;
    result.textContent = words;
  };
  button.hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    say("", "Checking…");
    try {
      await verify(button, say);
    } catch (error) {
      say("bad", `The check could not be carried out: ${error.message}.`);
    }
    button.disabled = false;
  });
}
