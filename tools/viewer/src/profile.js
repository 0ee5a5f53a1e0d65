// The stacks as a tree in columns. Nodes are numbered so that each one's inward frames follow it;
// stacks ("leaves") are in the order of their nodes. So whatever lies below a node is a range.

import { signedColumn } from "./columns.js";

export const ORIGINS = ["own", "library", "standard", "plumbing", "remark"];
export const LARGEST_EXACT = 2 ** 53;

export class Profile {
  constructor(head) {
    this.head = head;
    this.after = head.reports.at(-1);
    this.isDifference = head.reports.length === 2;
    this.knowsFrees = head.reports.every((report) => report.short_lifetime !== null);
  }

  readNames(reader) {
    this.texts = Array.from({ length: reader.number() }, () => reader.sharedText());
    const count = reader.number();
    this.functionCount = count;
    this.functionText = reader.fill(new Int32Array(count));
    this.functionCrate = reader.fill(new Int32Array(count));
    this.functionOrigin = reader.fill(new Uint8Array(count));
  }

  readFrames(reader) {
    const count = reader.number();
    this.frameFunction = reader.fill(new Int32Array(count));
    this.frameFile = reader.fill(new Int32Array(count));
    this.frameLine = reader.fill(new Uint32Array(count));
  }

  readNodes(reader) {
    const count = reader.number();
    const up = reader.fill(new Int32Array(count));
    const frames = reader.fill(new Int32Array(count));
    this.nodeCount = count;
    this.nodeFrame = frames;
    this.nodeParent = new Int32Array(count);
    this.nodeEnd = new Int32Array(count);
    let last = -1;
    for (let node = 0; node < count; node++) {
      for (let levels = up[node]; levels > 0; levels--) {
        this.nodeEnd[last] = node;
        last = this.nodeParent[last];
      }
      this.nodeParent[node] = last;
      last = node;
    }
    for (; last >= 0; last = this.nodeParent[last]) this.nodeEnd[last] = count;
    this.nodeFunction = frames.map((frame) => this.frameFunction[frame]);
  }

  readStacks(reader) {
    const count = reader.number();
    const nodes = reader.fill(new Int32Array(count));
    this.leafCount = count;
    this.leafNode = nodes;
    // How many stacks end before each node.
    const before = new Int32Array(this.nodeCount + 1);
    let node = 0;
    for (let leaf = 0; leaf < count; leaf++) {
      nodes[leaf] += leaf === 0 ? -1 : nodes[leaf - 1];
      while (node <= nodes[leaf]) before[node++] = leaf;
    }
    before.fill(count, node);
    this.leavesBefore = before;
  }

  readNumbers(reader) {
    this.isExact = true;
    const documents = reader.number();
    this.numbers = Array.from({ length: documents }, () =>
      Array.from({ length: 10 }, () => {
        const column = reader.fill(new Float64Array(this.leafCount));
        this.isExact &&= column.reduce((a, b) => a + b, 0) < LARGEST_EXACT;
        return column;
      }),
    );
  }

  readMoments(reader) {
    this.moments = null;
    if (reader.number() === 0) return;
    const counts = reader.fill(new Int32Array(this.leafCount));
    const starts = new Int32Array(this.leafCount + 1);
    counts.forEach((count, leaf) => (starts[leaf + 1] = starts[leaf] + count));
    const at = signedColumn(reader, starts, Int32Array);
    const columns = [0, 1, 2, 3].map(() => signedColumn(reader, starts, Float64Array));
    this.moments = { starts, at, columns };
  }

  readSources(reader) {
    this.sources = new Map();
    for (let files = reader.number(); files > 0; files--) {
      const file = reader.number();
      const lines = new Map();
      let line = 0;
      for (let count = reader.number(); count > 0; count--) {
        line += reader.number();
        lines.set(line, reader.text());
      }
      this.sources.set(file, lines);
    }
  }

  functionName(id) {
    return this.texts[this.functionText[id]];
  }

  crateName(id) {
    return this.functionCrate[id] === 0 ? "" : this.texts[this.functionCrate[id] - 1];
  }

  fileOf(frame) {
    return this.frameFile[frame] === 0 ? "" : this.texts[this.frameFile[frame] - 1];
  }

  // `src/main.rs:12`, `libc.so.6`, or nothing.
  place(frame) {
    const file = this.fileOf(frame);
    return this.frameLine[frame] > 0 ? `${file}:${this.frameLine[frame]}` : file;
  }

  // Lines around a frame, if the page has them: [number, text, is the frame's].
  sourceLines(frame, around = 4) {
    const lines = this.sources.get(this.frameFile[frame] - 1);
    const line = this.frameLine[frame];
    if (!lines || line === 0) return [];
    const found = [];
    for (let number = line - around; number <= line + around; number++) {
      if (lines.has(number)) found.push([number, lines.get(number), number === line]);
    }
    return found;
  }

  // A stack's frames, innermost first, as nodes.
  *stack(leaf) {
    for (let node = this.leafNode[leaf]; node >= 0; node = this.nodeParent[node]) yield node;
  }

  // The node that tells most of a stack: the innermost in the program's own code, else the
  // innermost that is not there to allocate, else the innermost.
  tellingNode(leaf) {
    const innermost = this.leafNode[leaf];
    let telling = -1;
    for (const node of this.stack(leaf)) {
      const origin = this.functionOrigin[this.nodeFunction[node]];
      if (origin === 0) return node;
      if (telling < 0 && origin === 1) telling = node;
    }
    return telling < 0 ? innermost : telling;
  }
}
