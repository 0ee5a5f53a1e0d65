// From the text in the page to a profile, in steps that leave the browser time to draw.

import { Profile } from "./profile.js";
import { Reader } from "./reader.js";

const SLICE = 1 << 20; // a multiple of 4: base64 is cut between groups

export function pause() {
  return new Promise((resolve) => setTimeout(resolve));
}

async function fromBase64(text) {
  const parts = [];
  for (let at = 0; at < text.length; at += SLICE) {
    const letters = atob(text.slice(at, at + SLICE));
    const bytes = new Uint8Array(letters.length);
    for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
    parts.push(bytes);
    await pause();
  }
  return new Blob(parts);
}

async function unpacked(text) {
  const packed = (await fromBase64(text.trim())).stream();
  const stream = packed.pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

export async function load(text, head) {
  const reader = new Reader(await unpacked(text));
  const profile = new Profile(head);
  for (const step of [
    "readNames",
    "readFrames",
    "readNodes",
    "readStacks",
    "readNumbers",
    "readMoments",
    "readSources",
  ]) {
    profile[step](reader);
    await pause();
  }
  return profile;
}
