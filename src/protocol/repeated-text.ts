// Bytes. Longer texts are not remembered.
const LONGEST = 128
// A text that keeps changing, as ids do, is compared and remembered only now and then.
const MOST_MISSES = 16
const NOW_AND_THEN = 64

/** Decodes texts that mostly repeat the previous one: then the same string is returned, and none is created. */
export class RepeatedText {
  #bytes = Buffer.alloc(0)
  #text = ''
  /** Consecutive texts that differed from the previous one. */
  #misses = 0

  /** The UTF-8 text between two positions; the previous string if the text is the same. */
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
      // A copy: a view would keep its whole chunk in memory.
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

/** Whether the bytes between two positions equal this text, which must be ASCII. */
export function isText(bytes: Buffer, start: number, end: number, text: unknown): text is string {
  if (typeof text !== 'string' || text.length !== end - start) return false
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code > 0x7f || bytes[start + index] !== code) return false
  }
  return true
}
