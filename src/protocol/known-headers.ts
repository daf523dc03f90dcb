import { isSame, RepeatedText } from './repeated-text.ts'
import type { Headers, HeaderValue } from './wire.ts'

/** The headers that are Celery's own (wire specification 2.2); all others are the caller's. */
const PROTOCOL_HEADERS = {
  lang: (table, value) => {
    table.lang = value
  },
  task: (table, value) => {
    table.task = value
  },
  id: (table, value) => {
    table.id = value
  },
  shadow: (table, value) => {
    table.shadow = value
  },
  eta: (table, value) => {
    table.eta = value
  },
  expires: (table, value) => {
    table.expires = value
  },
  group: (table, value) => {
    table.group = value
  },
  group_index: (table, value) => {
    table.group_index = value
  },
  retries: (table, value) => {
    table.retries = value
  },
  timelimit: (table, value) => {
    table.timelimit = value
  },
  root_id: (table, value) => {
    table.root_id = value
  },
  parent_id: (table, value) => {
    table.parent_id = value
  },
  argsrepr: (table, value) => {
    table.argsrepr = value
  },
  kwargsrepr: (table, value) => {
    table.kwargsrepr = value
  },
  origin: (table, value) => {
    table.origin = value
  },
  ignore_result: (table, value) => {
    table.ignore_result = value
  },
  replaced_task_nesting: (table, value) => {
    table.replaced_task_nesting = value
  },
  stamped_headers: (table, value) => {
    table.stamped_headers = value
  },
  stamps: (table, value) => {
    table.stamps = value
  },
  compression: (table, value) => {
    table.compression = value
  },
  meth: (table, value) => {
    table.meth = value
  },
  method: (table, value) => {
    table.method = value
  },
} as const satisfies Readonly<Record<string, PutHeader>>

/**
 * Sets one header in a table. Each is a function of its own: V8 remembers for each place in the code which objects come there,
 * and one place for all names sees too many.
 */
type PutHeader = (table: Record<string, HeaderValue>, value: HeaderValue) => void

const NAMES: ReadonlySet<string> = new Set(Object.keys(PROTOCOL_HEADERS))

/** True for the headers that Celery's protocol gives a meaning. */
export function isProtocolHeader(name: string): boolean {
  return NAMES.has(name)
}

/** One header of the protocol: its name as a string that is made once, and the text that it had last. */
export class KnownHeader {
  readonly name: string
  readonly put: PutHeader
  readonly #bytes: Buffer
  readonly #text = new RepeatedText()

  constructor(name: string, put: PutHeader) {
    this.name = name
    this.put = put
    this.#bytes = Buffer.from(name)
  }

  /** True where the name stands at `start`. */
  isAt(bytes: Buffer, start: number, length: number): boolean {
    return length === this.#bytes.length && isSame(bytes, start, this.#bytes)
  }

  /** The text between two positions: the same string as last time where it is the same text. */
  text(bytes: Buffer, start: number, end: number): string {
    return this.#text.read(bytes, start, end)
  }
}

// By length, first and last byte of the name: no two of them share a slot, which is checked below.
const SLOTS: (KnownHeader | undefined)[] = Array(1024).fill(undefined)

function slotOf(length: number, first: number, last: number): number {
  return (length ^ (first << 1) ^ (last << 4)) & (SLOTS.length - 1)
}

for (const [name, put] of Object.entries(PROTOCOL_HEADERS)) {
  const slot = slotOf(name.length, name.charCodeAt(0), name.charCodeAt(name.length - 1))
  if (SLOTS[slot] !== undefined) throw new Error(`the headers ${name} and ${SLOTS[slot].name} share a slot`)
  SLOTS[slot] = new KnownHeader(name, put)
}

/** The header of the protocol whose name stands at `start`; undefined for any other name. */
export function knownHeader(bytes: Buffer, start: number, length: number): KnownHeader | undefined {
  if (length === 0 || start + length > bytes.length) return undefined
  const header = SLOTS[slotOf(length, bytes[start]!, bytes[start + length - 1]!)]
  return header?.isAt(bytes, start, length) ? header : undefined
}

// Objects made by a constructor get the hidden classes that `Object.create(null)` is denied, which makes each of twenty
// assignments, and each later look, several times as fast. Their prototypes are empty and have none: nothing is inherited.
const PROTOCOL_ONLY = Object.freeze(Object.create(null))

/** A header table to be filled with headers of the protocol alone, in which {@link hasOnlyProtocolHeaders} is true. */
export const ProtocolTable = function ProtocolTable(this: Record<string, null>, room?: true) {
  if (room === undefined) return
  // Never reached: V8 makes an object with room for as many properties as its constructor has assignments, and moves them time
  // and again where there are more. Celery sends 19.
  this.a = this.b = this.c = this.d = this.e = this.f = this.g = this.h = this.i = this.j = null
  this.k = this.l = this.m = this.n = this.o = this.p = this.q = this.r = this.s = this.t = null
} as unknown as new () => Record<string, HeaderValue>
ProtocolTable.prototype = PROTOCOL_ONLY

/**
 * True for a table from the wire that has no header but the protocol's: no mark of ours, nothing of a caller or a broker.
 * False says nothing.
 */
export function hasOnlyProtocolHeaders(headers: Headers): boolean {
  return Object.getPrototypeOf(headers) === PROTOCOL_ONLY
}
