// Numbers and texts from bytes, as tools/cli/src/html/columns.rs writes them.

export class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
    this.last = new Uint8Array(256);
    this.decoder = new TextDecoder();
  }

  // A number; above 2^53 the nearest that there is.
  number() {
    const { bytes } = this;
    let byte = bytes[this.at++];
    if (byte < 128) return byte;
    let value = byte & 127;
    let scale = 128;
    do {
      if (this.at >= bytes.length) throw new Error("the data of this page ends too early");
      byte = bytes[this.at++];
      value += (byte & 127) * scale;
      scale *= 128;
    } while (byte > 127);
    return value;
  }

  signed() {
    const number = this.number();
    return number % 2 === 0 ? number / 2 : -(number + 1) / 2;
  }

  // Fills `column`, an array of any kind.
  fill(column) {
    for (let i = 0; i < column.length; i++) column[i] = this.number();
    return column;
  }

  // A text that begins like the last one.
  sharedText() {
    const shared = this.number();
    const length = this.number();
    if (shared + length > this.last.length) {
      const larger = new Uint8Array(2 * (shared + length));
      larger.set(this.last.subarray(0, shared));
      this.last = larger;
    }
    this.last.set(this.take(length), shared);
    return this.decoder.decode(this.last.subarray(0, shared + length));
  }

  text() {
    return this.decoder.decode(this.take(this.number()));
  }

  take(length) {
    const end = this.at + length;
    if (end > this.bytes.length) throw new Error("the data of this page ends too early");
    const part = this.bytes.subarray(this.at, end);
    this.at = end;
    return part;
  }
}
