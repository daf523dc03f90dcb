import type { Message } from './message.ts'

/** A message's place in one queue. */
export interface Entry {
  readonly message: Message
  /** Higher ones leave first. */
  readonly level: number
  /** Order within the priority. */
  readonly position: number
  /** On the clock's monotonic scale; infinite when it never expires. */
  readonly expiresAt: number
  /** How often it was handed out and came back. */
  readonly returns: number
  /** About how many bytes of the broker's memory it takes. */
  readonly cost: number
}

/** The bytes of a message that count against a queue's byte limit: those of its body. */
export function sizeOf(entry: Entry): number {
  return entry.message.body.length
}

/** The messages of one queue that wait for a consumer, by priority; within one in order of position. */
export class ReadyMessages {
  readonly #levels: PriorityLevel[] = []
  #count = 0
  #bytes = 0
  #cost = 0

  get count(): number {
    return this.#count
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The bytes of the broker's memory that all of them take. */
  get cost(): number {
    return this.#cost
  }

  /** Puts entries in at their positions: at the end for a new one, in its old place for one that came back. */
  add(entries: readonly Entry[]): void {
    // From the last to the first, so that a run that goes back to the head is put there one by one at no cost.
    for (const entry of entries.toSorted((a, b) => b.position - a.position)) {
      this.#level(entry.level).insert(entry)
      this.#count++
      this.#bytes += sizeOf(entry)
      this.#cost += entry.cost
    }
  }

  /** The next to leave. */
  peek(): Entry | undefined {
    for (let level = this.#levels.length - 1; level >= 0; level--) {
      const first = this.#levels[level]?.first
      if (first !== undefined) return first
    }
    return undefined
  }

  shift(): Entry | undefined {
    const first = this.peek()
    if (first !== undefined) this.removeFirst(first.level)
    return first
  }

  /** The first of every priority: only there do messages expire. */
  *heads(): Iterable<Entry> {
    for (const level of this.#levels) if (level?.first !== undefined) yield level.first
  }

  first(level: number): Entry | undefined {
    return this.#levels[level]?.first
  }

  removeFirst(level: number): void {
    const entry = this.#level(level).shift()
    if (entry === undefined) return
    this.#count--
    this.#bytes -= sizeOf(entry)
    this.#cost -= entry.cost
  }

  clear(): void {
    this.#levels.length = 0
    this.#count = 0
    this.#bytes = 0
    this.#cost = 0
  }

  #level(index: number): PriorityLevel {
    while (this.#levels.length <= index) this.#levels.push(new PriorityLevel())
    return this.#levels[index] as PriorityLevel
  }
}

/** A double-ended queue sorted by position; both ends cost the same however long it is. */
class PriorityLevel {
  #entries: (Entry | undefined)[] = []
  #head = 0

  get first(): Entry | undefined {
    return this.#entries[this.#head]
  }

  shift(): Entry | undefined {
    const entry = this.first
    if (entry === undefined) return undefined
    this.#entries[this.#head++] = undefined
    if (this.#head === this.#entries.length) {
      this.#entries = []
      this.#head = 0
    } else if (this.#head > 1_000 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head)
      this.#head = 0
    }
    return entry
  }

  insert(entry: Entry): void {
    const last = this.#entries[this.#entries.length - 1]
    if (last === undefined || last.position < entry.position) this.#entries.push(entry)
    else if (entry.position < (this.first as Entry).position) this.#unshift(entry)
    else this.#entries.splice(this.#placeOf(entry.position), 0, entry)
  }

  #unshift(entry: Entry): void {
    if (this.#head === 0) {
      const room = this.#entries.length + 16
      this.#entries = [...new Array<undefined>(room), ...this.#entries]
      this.#head = room
    }
    this.#entries[--this.#head] = entry
  }

  #placeOf(position: number): number {
    let low = this.#head
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#entries[middle] as Entry).position < position) low = middle + 1
      else high = middle
    }
    return low
  }
}
