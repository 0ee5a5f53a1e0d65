// A metric's numbers for every stack, and their sums for every node.

import { prefixSums } from "./columns.js";

export class Sums {
  // `before` and `after` are null unless two things are compared: then `weights` are the larger.
  constructor(profile, weights, before = null, after = null) {
    this.profile = profile;
    this.weights = weights;
    this.sums = prefixSums(weights);
    this.compared = before && [before, after];
    this.before = before && prefixSums(before);
    this.after = after && prefixSums(after);
  }

  static compared(profile, before, after) {
    const larger = before.map((number, leaf) => Math.max(number, after[leaf]));
    return new Sums(profile, larger, before, after);
  }

  get isCompared() {
    return this.before !== null;
  }

  // The numbers of the stacks: weights, and if two things are compared, those of both.
  columns() {
    return [this.weights, ...(this.compared ?? [])];
  }

  get total() {
    return this.sums.at(-1);
  }

  // The sum of all stacks through `node`.
  of(node) {
    return this.range(this.sums, node, this.profile.nodeEnd[node]);
  }

  // The sum of the stacks that end in `node`.
  own(node) {
    return this.range(this.sums, node, node + 1);
  }

  range(sums, node, end) {
    const { leavesBefore } = this.profile;
    return sums[leavesBefore[end]] - sums[leavesBefore[node]];
  }

  leaf(leaf) {
    return this.weights[leaf];
  }

  // [before, after] of all stacks through `node`.
  pair(node) {
    const end = this.profile.nodeEnd[node];
    return [this.range(this.before, node, end), this.range(this.after, node, end)];
  }

  pairOfLeaf(leaf) {
    return [this.compared[0][leaf], this.compared[1][leaf]];
  }

  pairOfAll() {
    return [this.before.at(-1), this.after.at(-1)];
  }
}
