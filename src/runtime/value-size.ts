/**
 * About how many bytes a value takes in memory or as JSON: the text of it is not made. Beyond `most` it is not looked at any
 * further. Never throws.
 */
export function sizeOfValue(value: unknown, most: number = Number.POSITIVE_INFINITY): number {
  let size = 0
  const open: unknown[] = []
  const count = (next: unknown): void => {
    if (typeof next === 'string') size += next.length + 2
    else if (next instanceof Uint8Array) size += next.byteLength
    else if (typeof next !== 'object' || next === null) size += 8
    else {
      size += 16
      open.push(next)
    }
  }
  count(value)
  try {
    while (open.length > 0 && size <= most) {
      const next = open.pop() as object
      if (Array.isArray(next)) for (let index = 0; index < next.length && size <= most; index++) count(next[index])
      else
        for (const [key, member] of Object.entries(next)) {
          size += key.length + 4
          count(member)
        }
    }
  } catch {
    // A getter that throws: the rest of it has no size.
  }
  return size
}
