// Colours of pictures, from the style sheet, so that light and dark have one place.

import { shorter } from "./names.js";
import { ORIGINS } from "./profile.js";

const NAMES = [
  ...ORIGINS,
  ...[
    "root",
    "text",
    "faint",
    "line",
    "box-text",
    "match",
    "match-text",
    "grown",
    "shrunk",
    "same",
  ],
  ...["accent", "area", "band", "resident"],
];

let known = null;

export function forgetColors() {
  known = null;
}

export function colors() {
  if (known) return known;
  const probe = document.createElement("span");
  document.body.append(probe);
  // Canvas takes neither variables nor choices of light and dark.
  const resolved = (color) => {
    probe.style.color = color;
    return getComputedStyle(probe).color;
  };
  const shades = (name) =>
    [0, 7, 14, 21].map((part) =>
      resolved(`color-mix(in srgb, var(--${name}) ${100 - part}%, var(--shade))`),
    );
  known = { shades: Object.fromEntries(ORIGINS.map((origin) => [origin, shades(origin)])) };
  for (const name of NAMES) known[name] = resolved(`var(--${name})`);
  probe.remove();
  return known;
}

export function boxColor(palette, profile, box) {
  if (box.fn < 0) return palette.root;
  if (box.pair) return pairColor(palette, box.pair);
  const origin = ORIGINS[profile.functionOrigin[box.fn]];
  return palette.shades[origin][shadeOf(profile, box.fn)];
}

// One of a few neighbours of a colour, so that boxes beside each other part. By the name: functions
// of one name, such as instances of a generic one, look alike.
export function shadeOf(profile, fn) {
  profile.shadesOfFunctions ??= new Map();
  const known = profile.shadesOfFunctions.get(fn);
  if (known !== undefined) return known;
  let sum = 0;
  for (const letter of shorter(profile.functionName(fn))) sum = (sum * 31 + letter.codePointAt(0)) >>> 0;
  const shade = (sum ^ (sum >>> 7)) & 3;
  profile.shadesOfFunctions.set(fn, shade);
  return shade;
}

// From as-before to grown or shrunk: full where it doubled or is gone.
function pairColor(palette, [before, after]) {
  if (before === after) return palette.same;
  const part = Math.min(1, Math.abs(after - before) / Math.max(1, Math.min(before, after) || 1));
  const toward = after > before ? palette.grown : palette.shrunk;
  return mix(palette.same, toward, 0.3 + 0.7 * part);
}

function mix(from, to, part) {
  const a = digits(from);
  const b = digits(to);
  return `rgb(${a.map((value, i) => Math.round(value + (b[i] - value) * part)).join(" ")})`;
}

// Of `rgb(1, 2, 3)`.
function digits(color) {
  return color.match(/\d+/g).slice(0, 3).map(Number);
}
