/** Preceded by a length of four bytes. */
const PREFIXED = -1
// Bytes after the type tag: https://www.rabbitmq.com/amqp-0-9-1-errata.html#section_3
const WIDTHS: readonly (number | undefined)[] = Object.assign(
  [],
  Object.fromEntries(
    Object.entries({
      S: PREFIXED,
      x: PREFIXED,
      A: PREFIXED,
      F: PREFIXED,
      V: 0,
      t: 1,
      b: 1,
      B: 1,
      s: 2,
      u: 2,
      I: 4,
      i: 4,
      f: 4,
      D: 5,
      l: 8,
      L: 8,
      d: 8,
      T: 8,
    }).map(([tag, width]) => [tag.charCodeAt(0), width]),
  ),
)

/** The end of the value whose type tag is at `start`. Throws if it exceeds the table or its tag is unknown. */
export function valueEnd(bytes: Buffer, start: number): number {
  const tag = bytes.readUInt8(start)
  const width = WIDTHS[tag]
  if (width === undefined) throw new TypeError(`unknown type tag 0x${tag.toString(16).padStart(2, '0')}`)
  const end = start + 1 + (width === PREFIXED ? 4 + bytes.readUInt32BE(start + 1) : width)
  if (end > bytes.length) throw new RangeError(`a value runs ${end - bytes.length} bytes past the end of its table`)
  return end
}
