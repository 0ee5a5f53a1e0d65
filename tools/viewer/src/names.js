// Names of functions and places, made harmless and made to fit.

const LONGEST = 2_000;
// Longer names lose their template arguments, if those are more than a few letters.
const LONG = 80;
const FEW = 8;

// Control characters as pictures, as far as fonts have them, and marks that turn the direction of text as question marks.
export function harmless(text, longest = LONGEST) {
  const cut = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return cut
    .replace(/\r?\n/g, "↵ ")
    .replace(/\t/g, " ")
    .replace(/[\u0000-\u001f]/g, (letter) => String.fromCharCode(0x2400 + letter.charCodeAt(0)))
    .replace(/[\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
}

// Paths within angle brackets cut to their last names: `<a::b::C<d::E> as f::G>::h` is `<C<E> as G>::h`.
export function shorter(name) {
  if (name.length > LONGEST) return name;
  let text = "";
  let depth = 0;
  let path = 0;
  for (let i = 0; i < name.length; i++) {
    if (depth > 0 && name.startsWith("::", i) && text.length > path && !text.endsWith(">")) {
      text = text.slice(0, path);
      i++;
      continue;
    }
    const letter = name[i];
    text += letter;
    if (letter === "<") depth++;
    else if (letter === ">") depth = Math.max(0, depth - 1);
    if (!/[\p{L}\p{N}_{}#]/u.test(letter)) path = text.length;
  }
  return text.length > LONG ? withoutArguments(text) : text;
}

// Long template arguments left out: `f(std::engine<unsigned long, 32ul>&)` is `f(std::engine<…>&)`.
function withoutArguments(name) {
  let text = "";
  let depth = 0;
  let start = 0;
  for (let i = 0; i < name.length; i++) {
    // Rust's `<A as B>::c` begins with what says most.
    if (name[i] === "<" && text !== "" && ++depth === 1) start = i;
    if (depth === 0) text += name[i];
    if (name[i] === ">" && depth > 0 && --depth === 0) {
      text += i - start > FEW ? "<…>" : name.slice(start, i + 1);
    }
  }
  // Not balanced: an operator's name.
  return depth === 0 ? text : name;
}

// In at most `room` characters: whole, or shorter, or its end, which says more than its beginning.
export function fitted(name, room) {
  if (name.length <= room) return name;
  const short = shorter(name);
  if (short.length <= room) return short;
  if (room < 3) return "";
  return `…${short.slice(short.length - room + 1)}`;
}

// The last parts of a path, which say more than the first: `…/programs/src/json.rs:37`.
export function shortPlace(place, parts = 3) {
  const all = place.split("/");
  return all.length <= parts + 1 ? place : `…/${all.slice(-parts).join("/")}`;
}
