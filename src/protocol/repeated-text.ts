// Bytes. Longer texts are not remembered.
const LONGEST = 128
// A text that differs so often in a row, as ids do, is compared and remembered only now and then.
const MOST_MISSES = 16
const NOW_AND_THEN = 64

/** A text that is mostly the one that was read before: then that string is taken again, and none is made. */
export class RepeatedText {
  #bytes = Buffer.alloc(0)
  #text = ''
  /** Texts in a row that were not the one before. */
  #misses = 0

  /** The UTF-8 text between two positions: the same string as before where it is the same text. */
  read(bytes: Buffer, start: number, end: number): string {
    if (this.#misses >= MOST_MISSES && ++this.#misses % NOW_AND_THEN !== 0) return bytes.toString('utf8', start, end)
    if (end - start === this.#bytes.length && isSame(bytes, start, this.#bytes)) {
      this.#misses = 0
      return this.#text
    }
    const text = bytes.toString('utf8', start, end)
    if (this.#misses < MOST_MISSES) this.#misses += 1
    if (end - start <= LONGEST) {
      this.#text = text
      // A copy: a view would keep the whole chunk that it came with.
      this.#bytes = Buffer.from(bytes.subarray(start, end))
    }
    return text
  }
}

/** Whether the bytes of `other` stand at `start`. */
export function isSame(bytes: Buffer, start: number, other: Buffer): boolean {
  for (let index = 0; index < other.length; index++) if (bytes[start + index] !== other[index]) return false
  return true
}

/** Whether the bytes between two positions are this text, which must be ASCII. */
export function isText(bytes: Buffer, start: number, end: number, text: unknown): text is string {
  if (typeof text !== 'string' || text.length !== end - start) return false
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code > 0x7f || bytes[start + index] !== code) return false
  }
  return true
}
