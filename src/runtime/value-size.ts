/** About how many bytes a value takes in memory or as JSON: the text of it is not made. Never throws. */
export function sizeOfValue(value: unknown): number {
  let size = 0
  const open: unknown[] = [value]
  while (open.length > 0) {
    const next = open.pop()
    if (typeof next === 'string') size += next.length + 2
    else if (next instanceof Uint8Array) size += next.byteLength
    else if (typeof next !== 'object' || next === null) size += 8
    else {
      size += 16
      if (Array.isArray(next)) for (const element of next) open.push(element)
      else
        for (const [key, member] of Object.entries(next)) {
          size += key.length + 4
          open.push(member)
        }
    }
  }
  return size
}
