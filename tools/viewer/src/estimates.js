// Estimates of reports whose blocks were sampled: src/store/sampling.rs tells how they are made.

import { numberOf } from "./format.js";

const QUANTILE = 1.959964;

// The mean gap between two samples in bytes; 0: each block was recorded.
export function meanGap({ sampling }) {
  const gap = sampling !== null && typeof sampling === "object" ? sampling.mean_gap : sampling;
  return numberOf(gap ?? 0);
}

// The least and the most bytes that the true number is in 95 of 100 cases; null: it is exact, or
// there are no samples.
export function interval(gap, bytes, blocks) {
  if (!(gap > 0 && bytes > 0 && blocks > 0)) return null;
  const size = bytes / blocks;
  const chance = -Math.expm1(-size / gap);
  const step = (size * (1 - chance)) / chance;
  const middle = bytes + (step * QUANTILE ** 2) / 2;
  const half = QUANTILE * Math.sqrt(step * bytes + (step * QUANTILE) ** 2 / 4);
  return [Math.max(middle - half, 0), middle + half];
}

// False if a number of blocks tells nothing.
export function hasEnoughSamples(gap, bytes, blocks) {
  const bounds = interval(gap, bytes, blocks);
  return bounds !== null && bounds[1] <= 4 * bounds[0];
}
