// Columns of numbers: sums over ranges, and columns over several entries of each stack.

// A column that begins anew at each of `starts`.
export function signedColumn(reader, starts, Kind) {
  const column = new Kind(starts.at(-1));
  for (let leaf = 0; leaf + 1 < starts.length; leaf++) {
    let before = 0;
    for (let i = starts[leaf]; i < starts[leaf + 1]; i++) column[i] = before += reader.signed();
  }
  return column;
}

// Entry i is the sum of the first i.
export function prefixSums(column) {
  const sums = new Float64Array(column.length + 1);
  let sum = 0;
  for (let i = 0; i < column.length; i++) sums[i + 1] = sum += column[i];
  return sums;
}
