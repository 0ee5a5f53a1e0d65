// Walks over the tree of the stacks.

export function topNodes(profile) {
  const nodes = [];
  for (let node = 0; node < profile.nodeCount; node = profile.nodeEnd[node]) nodes.push(node);
  return nodes;
}

// The nodes of a function that are not within others of it: recursion counts once.
export function outermost(profile, fn) {
  const nodes = [];
  for (let node = 0; node < profile.nodeCount;) {
    if (profile.nodeFunction[node] === fn) {
      nodes.push(node);
      node = profile.nodeEnd[node];
    } else node++;
  }
  return nodes;
}

// The sum of all stacks that have a frame of the functions `matches`, each counted once.
export function matched(profile, sums, matches, within) {
  let sum = 0;
  for (const root of within) {
    for (let node = root; node < profile.nodeEnd[root];) {
      if (matches[profile.nodeFunction[node]] === 1) {
        sum += sums.of(node);
        node = profile.nodeEnd[node];
      } else node++;
    }
  }
  return sum;
}

// The stacks through each of `nodes`, as ranges.
export function rangesOfNodes(profile, nodes) {
  return Array.from(nodes, (node) => [
    profile.leavesBefore[node],
    profile.leavesBefore[profile.nodeEnd[node]],
  ]);
}

export function rangesOfLeaves(leaves) {
  return Array.from(leaves, (leaf) => [leaf, leaf + 1]);
}
