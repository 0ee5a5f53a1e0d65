// Source lines that the page has.

import { h } from "../dom.js";
import { harmless } from "../names.js";

export function sourceOf(profile, frames) {
  if (profile.sources.size === 0) return null;
  const parts = frames.map((frame) => linesOf(profile, frame)).filter((part) => part !== null);
  return parts.length > 0
    ? [h("h3", {}, "Source"), parts]
    : h("p.note", {}, "Its source could not be read.");
}

export function linesOf(profile, frame) {
  const lines = profile.sourceLines(frame);
  if (lines.length === 0) return null;
  return h(
    "figure.source",
    {},
    h("figcaption", {}, harmless(profile.place(frame))),
    h(
      "pre",
      {},
      lines.map(([number, text, isIt]) =>
        h(
          isIt ? "span.line.it" : "span.line",
          {},
          h("i", {}, String(number)),
          `${harmless(text)}\n`,
        ),
      ),
    ),
  );
}
