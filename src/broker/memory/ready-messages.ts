import type { Message } from './message.ts'

/** A message's place in one queue. */
export interface Entry {
  readonly message: Message
  /** Higher ones leave first. */
  readonly lane: number
  /** Order within the lane. */
  readonly position: number
  /** On the clock's monotonic scale; infinite when it never expires. */
  readonly expiresAt: number
  /** How often it was handed out and came back. */
  readonly returns: number
  /** About how many bytes of the broker's memory it takes. */
  readonly cost: number
}

/** What a message takes of a queue's byte limit, which counts bodies. */
export function sizeOf(entry: Entry): number {
  return entry.message.body.length
}

/** The messages of one queue that wait for a consumer, in lanes; within a lane in order of position. */
export class ReadyMessages {
  readonly #lanes: Lane[] = []
  #count = 0
  #bytes = 0
  #cost = 0

  get count(): number {
    return this.#count
  }

  get bytes(): number {
    return this.#bytes
  }

  /** What all of them take of the broker's memory. */
  get cost(): number {
    return this.#cost
  }

  /** Puts entries in at their positions: at the end for a new one, in its old place for one that came back. */
  add(entries: readonly Entry[]): void {
    // From the last to the first, so that a run that goes back to the head is put there one by one at no cost.
    for (const entry of entries.toSorted((a, b) => b.position - a.position)) {
      this.#lane(entry.lane).insert(entry)
      this.#count++
      this.#bytes += sizeOf(entry)
      this.#cost += entry.cost
    }
  }

  /** The next to leave. */
  peek(): Entry | undefined {
    for (let lane = this.#lanes.length - 1; lane >= 0; lane--) {
      const first = this.#lanes[lane]?.first
      if (first !== undefined) return first
    }
    return undefined
  }

  shift(): Entry | undefined {
    const first = this.peek()
    if (first !== undefined) this.removeFirst(first.lane)
    return first
  }

  /** The first of every lane: only there do messages expire. */
  *heads(): Iterable<Entry> {
    for (const lane of this.#lanes) if (lane?.first !== undefined) yield lane.first
  }

  first(lane: number): Entry | undefined {
    return this.#lanes[lane]?.first
  }

  removeFirst(lane: number): void {
    const entry = this.#lane(lane).shift()
    if (entry === undefined) return
    this.#count--
    this.#bytes -= sizeOf(entry)
    this.#cost -= entry.cost
  }

  clear(): void {
    this.#lanes.length = 0
    this.#count = 0
    this.#bytes = 0
    this.#cost = 0
  }

  #lane(index: number): Lane {
    while (this.#lanes.length <= index) this.#lanes.push(new Lane())
    return this.#lanes[index] as Lane
  }
}

/** A double-ended queue sorted by position; both ends cost the same however long it is. */
class Lane {
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
