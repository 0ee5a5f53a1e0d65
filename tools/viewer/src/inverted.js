// The boxes of an inverted flame graph: the innermost frames first, then outward.
//
// A box has a `group` of the inversion: it is of the sources in the group's range.

import { Flame } from "./flame.js";
import { rangesOfLeaves, rangesOfNodes } from "./nodes.js";

// Takes the `inversion` of `hidden` and `focus`. Of the flames of an inversion, only the newest can
// be asked: it alone adds up again when a group is split.
export class InvertedFlame extends Flame {
  prepare() {
    this.columns = this.focus < 0 ? this.sums.columns() : this.columnsOfFocus();
    // Of each column, sums over the first sources in the order of the inversion.
    const { length } = this.inversion.order;
    this.added = this.columns.map(() => new Float64Array(length + 1));
    this.addUp(0, length);
  }

  // The numbers of the focused function's nodes.
  columnsOfFocus() {
    const { sums } = this;
    const kinds = [(node) => sums.of(node)];
    if (sums.isCompared) kinds.push(...[0, 1].map((which) => (node) => sums.pair(node)[which]));
    return kinds.map((numberOf) => Float64Array.from(this.inversion.nodes, numberOf));
  }

  addUp(from, to) {
    const { order } = this.inversion;
    this.columns.forEach((column, which) => {
      const added = this.added[which];
      let sum = added[from];
      for (let i = from; i < to; i++) added[i + 1] = sum += column[order[i]];
    });
  }

  makeRoot() {
    const root = this.boxOf(this.inversion.root, null, 0);
    if (this.focus < 0) this.takeAll(root);
    return root;
  }

  boxOf(group, parent, depth) {
    const box = this.box(group.fn, parent, depth);
    const [value, ...pair] = this.added.map((added) => added[group.to] - added[group.from]);
    return Object.assign(box, { group, value, pair: box.pair && pair });
  }

  // Most groups are too small to be seen: so values come first, and boxes are made of the rest.
  below(box, least) {
    const { group } = box;
    if (!group.below && this.inversion.split(group)) this.addUp(group.from, group.to);
    const [values] = this.added;
    return group.below
      .filter(({ from, to }) => values[to] - values[from] >= least)
      .map((child) => this.boxOf(child, box, box.depth + 1));
  }

  path([start, depth]) {
    const { nodeParent, nodeFunction } = this.profile;
    const way = [];
    let node = this.focus >= 0 ? nodeParent[start] : start;
    for (; node >= 0 && way.length < depth; node = nodeParent[node]) {
      if (this.hidden[nodeFunction[node]] === 0) way.push(nodeFunction[node]);
    }
    return way;
  }

  placeOf(box) {
    if (box.parent === null) return null;
    return [this.inversion.nodes[this.inversion.order[box.group.from]], box.depth];
  }

  ranges(box) {
    const { order, nodes } = this.inversion;
    const sources = order.subarray(box.group.from, box.group.to);
    if (this.focus < 0) return rangesOfLeaves(sources);
    return rangesOfNodes(this.profile, sources.map((source) => nodes[source]));
  }
}
