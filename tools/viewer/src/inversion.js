// The stacks from their innermost frames outward, grouped by function. Groups are the same for all
// metrics: a switch of metric only adds up again. A group is a range of `order`, and is split when
// the groups below it are asked for.

import { outermost } from "./nodes.js";

// Of each stack, at a time: its nodes mostly lie side by side, and memory is what takes time.
const FRAMES_AT_A_TIME = 8;

export class Inversion {
  // Sources are stacks; with a focus, the nodes of the focused function.
  constructor(profile, hidden, focus) {
    Object.assign(this, { profile, hidden });
    this.nodes = focus < 0 ? profile.leafNode : Int32Array.from(outermost(profile, focus));
    this.order = this.nodes.map((_, source) => source);
    this.old = new Int32Array(this.order.length);
    // For each source, the next node outward that was not visited.
    this.next = focus < 0 ? this.nodes.slice() : this.nodes.map((node) => profile.nodeParent[node]);
    this.counts = new Int32Array(profile.functionCount + 1);
    this.levels = [];
    this.root = { fn: focus, depth: 0, from: 0, to: this.order.length, below: null };
  }

  // Splits `group`, and says whether `order` changed within it.
  split(group) {
    const { depth, from, to } = group;
    while (this.levels.length <= depth) this.visit();
    const level = this.levels[depth];
    const { order, old, counts } = this;
    const found = [];
    for (let i = from; i < to; i++) {
      if (counts[level[order[i]]]++ === 0) found.push(level[order[i]]);
    }
    group.below = this.rangesOf(found, group);
    if (found.length > 1) {
      old.set(order.subarray(from, to), from);
      for (let i = from; i < to; i++) order[counts[level[old[i]]]++] = old[i];
    }
    for (const id of found) counts[id] = 0;
    return found.length > 1;
  }

  // The groups of what was found; afterwards counts are their beginnings.
  rangesOf(found, { depth, from }) {
    const groups = [];
    let at = from;
    for (const id of found) {
      const to = at + this.counts[id];
      if (id > 0) groups.push({ fn: id - 1, depth: depth + 1, from: at, to, below: null });
      this.counts[id] = at;
      at = to;
    }
    return groups;
  }

  // Adds levels: for each source, the function of its next visible frame, plus 1; 0: there is none.
  visit() {
    const { next, hidden } = this;
    const { nodeParent, nodeFunction, functionCount } = this.profile;
    const { length } = next;
    const Kind = functionCount < 2 ** 16 - 1 ? Uint16Array : Int32Array;
    const ids = new Kind(length * FRAMES_AT_A_TIME);
    for (let source = 0; source < length; source++) {
      let node = next[source];
      for (let at = source; node >= 0 && at < ids.length; node = nodeParent[node]) {
        const fn = nodeFunction[node];
        if (hidden[fn] === 1) continue;
        ids[at] = fn + 1;
        at += length;
      }
      next[source] = node;
    }
    for (let level = 0; level < FRAMES_AT_A_TIME; level++) {
      this.levels.push(ids.subarray(level * length, (level + 1) * length));
    }
  }
}
