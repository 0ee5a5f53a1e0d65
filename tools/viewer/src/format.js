// Numbers, times and names as people read them, in the words of `mod-alloc report`.

// Numbers above 2^53 come as texts, and stay exact.
export function numberOf(value) {
  return typeof value === "string" ? Number(value) : value;
}

export function count(value) {
  const isText = typeof value === "string";
  if (!isText && Math.abs(value) > Number.MAX_SAFE_INTEGER) {
    // Rounded: the digits that are not known are not shown.
    return `≈ ${withCommas(value.toPrecision(15).includes("e") ? String(BigInt(Number(value.toPrecision(15)))) : value.toPrecision(15))}`;
  }
  return withCommas(String(isText ? value : Math.round(value)));
}

function withCommas(digits) {
  return digits.replace("-", "−").replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

function threeDigits(number) {
  const size = Math.abs(number);
  return number.toFixed(size < 9.995 ? 2 : size < 99.95 ? 1 : 0).replace("-", "−");
}

export function bytes(value) {
  let number = numberOf(value);
  if (Math.abs(number) < 1024) return `${count(number)} B`;
  let unit = -1;
  const units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
  do {
    number /= 1024;
    unit++;
  } while (Math.abs(number) >= 999.5 && unit + 1 < units.length);
  return `${threeDigits(number)} ${units[unit]}`;
}

// `1,234,567 bytes (1.18 MiB)`
export function bytesInFull(value) {
  const exact = `${count(value)} ${String(value) === "1" ? "byte" : "bytes"}`;
  return Math.abs(numberOf(value)) < 1024 ? exact : `${exact} (${bytes(value)})`;
}

export function blocks(value) {
  return `${count(value)} ${String(value) === "1" ? "block" : "blocks"}`;
}

export function signed(value, format) {
  return value > 0 ? `+${format(value)}` : value < 0 ? format(value) : "±0";
}

export function share(part, whole) {
  if (!(whole > 0)) return "–";
  const percent = (100 * part) / whole;
  if (part === 0) return "0 %";
  if (part < whole && percent > 99.9) return "99.9 %";
  return percent < 0.1 ? "< 0.1 %" : `${percent.toFixed(1)} %`;
}

export function micros(value) {
  if (value < 9.95) return `${value.toFixed(1)} µs`;
  if (value < 999.5) return `${value.toFixed(0)} µs`;
  if (value < 9_995) return `${(value / 1e3).toFixed(2)} ms`;
  if (value < 999_500) return `${(value / 1e3).toFixed(0)} ms`;
  if (value < 9_995_000) return `${(value / 1e6).toFixed(2)} s`;
  if (value < 59_950_000) return `${(value / 1e6).toFixed(1)} s`;
  const seconds = Math.round(value / 1e6);
  if (seconds < 3600)
    return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
  const hours = Math.floor(seconds / 3600);
  const minutes = String(Math.floor(seconds / 60) % 60).padStart(2, "0");
  return hours < 24 ? `${hours} h ${minutes} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

// A time in the report's own unit, which may be no time at all (Valgrind counts instructions).
export function time(value, report) {
  const number = numberOf(value);
  if (report.micros === null) return `${count(Math.round(number))} ${report.time_unit}`;
  return micros(number * report.micros);
}

// A report may count other things than bytes in blocks.
export function unitsOf(report) {
  if (!report.units) return { bytes, bytesInFull, blocks };
  const [one, many, events] = report.units;
  const inFull = (value) => `${count(value)} ${String(value) === "1" ? one : many}`;
  return { bytes: inFull, bytesInFull: inFull, blocks: (value) => `${count(value)} ${events}` };
}

export function amount(unit, value, units) {
  return unit === "bytes" ? units.bytes(value) : count(value);
}
