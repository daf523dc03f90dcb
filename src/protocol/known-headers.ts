import { isSame, RepeatedText } from './repeated-text.ts'
import type { Headers, HeaderValue } from './wire.ts'

/** Celery's own headers (wire specification 2.2); all others belong to the caller. */
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
 * Sets one header in a table. One function per header: V8 keeps type feedback per place in the code, and a shared place for all
 * names would see too many object shapes.
 */
type PutHeader = (table: Record<string, HeaderValue>, value: HeaderValue) => void

const NAMES: ReadonlySet<string> = new Set(Object.keys(PROTOCOL_HEADERS))

/** True for the headers that Celery's protocol gives a meaning. */
export function isProtocolHeader(name: string): boolean {
  return NAMES.has(name)
}

/** One header of the protocol: its name as one shared string, and its latest text. */
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

  /** The text between two positions; the previous string if the text is the same. */
  text(bytes: Buffer, start: number, end: number): string {
    return this.#text.read(bytes, start, end)
  }
}

// Indexed by length, first and last byte of the name: no two names share a slot, which is checked below.
const SLOTS: (KnownHeader | undefined)[] = Array(1024).fill(undefined)

function slotOf(length: number, first: number, last: number): number {
  return (length ^ (first << 1) ^ (last << 4)) & (SLOTS.length - 1)
}

for (const [name, put] of Object.entries(PROTOCOL_HEADERS)) {
  const slot = slotOf(name.length, name.charCodeAt(0), name.charCodeAt(name.length - 1))
  if (SLOTS[slot] !== undefined) throw new Error(`the headers ${name} and ${SLOTS[slot].name} share a slot`)
  SLOTS[slot] = new KnownHeader(name, put)
}

/** The protocol header whose name is at `start`; undefined for any other name. */
export function knownHeader(bytes: Buffer, start: number, length: number): KnownHeader | undefined {
  if (length === 0 || start + length > bytes.length) return undefined
  const header = SLOTS[slotOf(length, bytes[start]!, bytes[start + length - 1]!)]
  return header?.isAt(bytes, start, length) ? header : undefined
}

// Objects made by a constructor get hidden classes, which `Object.create(null)` does not: that makes each of twenty assignments
// and each later read several times as fast. Their prototypes are empty and have no prototype: nothing is inherited.
const PROTOCOL_ONLY = Object.freeze(Object.create(null))

/** A header table to be filled with protocol headers only, for which {@link hasOnlyProtocolHeaders} is true. */
export const ProtocolTable = function ProtocolTable(this: Record<string, null>, room?: true) {
  if (room === undefined) return
  // Never executed: V8 sizes an object by the number of assignments in its constructor, and reallocates it repeatedly if there
  // are more. Celery sends 19 headers.
  this.a = this.b = this.c = this.d = this.e = this.f = this.g = this.h = this.i = this.j = null
  this.k = this.l = this.m = this.n = this.o = this.p = this.q = this.r = this.s = this.t = null
} as unknown as new () => Record<string, HeaderValue>
ProtocolTable.prototype = PROTOCOL_ONLY

/**
 * True for a table from the wire that has only protocol headers: none of our marks, nothing of a caller or a broker. False does
 * not mean the opposite.
 */
export function hasOnlyProtocolHeaders(headers: Headers): boolean {
  return Object.getPrototypeOf(headers) === PROTOCOL_ONLY
}
