/** The approximate bytes of a value in memory or as JSON, without creating that text. Stops at `most`. Never throws. */
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
    // A getter threw: the rest of the value counts as nothing.
  }
  return size
}
