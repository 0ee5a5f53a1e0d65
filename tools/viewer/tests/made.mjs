// Profiles made by hand: what tools/cli/src/html/columns.rs would write of them.

import { Profile } from "../src/profile.js";
import { Reader } from "../src/reader.js";

function leb(number) {
  const bytes = [];
  let rest = BigInt(number);
  do {
    const byte = Number(rest & 127n);
    rest >>= 7n;
    bytes.push(rest > 0n ? byte | 128 : byte);
  } while (rest > 0n);
  return bytes;
}

const signed = (number) => (number < 0 ? -2 * number - 1 : 2 * number);

export function bytesOf(...numbers) {
  return new Uint8Array(numbers.flat(9).flatMap(leb));
}

// `stacks`: [frames outermost first, in the order of a walk; bytes; bytes live at the end], or with a
// third list: [moment, total bytes, total blocks, live bytes, live blocks] each. Functions are
// letters; large ones are of the standard library.
export function profileOf(stacks, report = {}) {
  const letters = [...new Set(stacks.flatMap(([frames]) => [...frames]))].sort();
  const functions = letters.map((_, i) => i);
  const nodes = [];
  const leaves = [];
  let last = "";
  for (const [frames] of stacks) {
    let same = 0;
    while (same < frames.length && same < last.length && frames[same] === last[same]) same++;
    for (let depth = same; depth < frames.length; depth++) {
      const before = nodes.length === 0 ? 0 : nodes.at(-1).depth + 1;
      nodes.push({ up: before - depth, depth, frame: letters.indexOf(frames[depth]) });
    }
    leaves.push(nodes.length);
    last = frames;
  }
  const column = (pick) => stacks.map(pick);
  const zeros = stacks.map(() => 0);
  const numbers = [
    column((s) => s[1]),
    column(() => 1),
    zeros,
    zeros,
    zeros,
    zeros,
    zeros,
    column((s) => s[2] ?? 0),
    zeros,
    column(() => 1),
  ];
  const moments = column((stack) => stack[3] ?? []);
  const differences = (key) =>
    moments.flatMap((all) => all.map((one, i) => signed(one[key] - (all[i - 1]?.[key] ?? 0))));
  const text = letters.flatMap((letter) => [0, 1, letter.charCodeAt(0)]);
  const bytes = bytesOf(
    [letters.length, text],
    [
      letters.length,
      functions,
      functions.map(() => 0),
      letters.map((letter) => (letter < "a" ? 2 : 0)),
    ],
    [letters.length, functions, functions.map(() => 0), functions.map(() => 0)],
    [nodes.length, nodes.map(({ up }) => up), nodes.map(({ frame }) => frame)],
    [leaves.length, leaves.map((leaf, i) => leaf - (leaves[i - 1] ?? 0))],
    [1, numbers],
    moments.some((all) => all.length > 0)
      ? [1, moments.map((all) => all.length), [0, 1, 2, 3, 4].map(differences)]
      : [0],
    [0],
  );
  const head = { reports: [{ short_lifetime: 10, end: 100, moments: null, ...report }] };
  const profile = new Profile(head);
  const reader = new Reader(bytes);
  for (const step of [
    "readNames",
    "readFrames",
    "readNodes",
    "readStacks",
    "readNumbers",
    "readMoments",
    "readSources",
  ])
    profile[step](reader);
  return profile;
}

export const functionOf = (profile, letter) => profile.texts.indexOf(letter);
