import { TwqError } from '../../errors.ts'
import type { Json, JsonObject } from '../../runtime/json.ts'
import { JSON_CONTENT } from '../body.ts'
import { type Compression, compress } from '../compression.ts'
import { stringifyJson } from '../json.ts'
import { isProtocolHeader } from '../known-headers.ts'
import { argsRepr, displayOf, kwargsRepr } from '../python-repr.ts'
import { isName, isObject } from '../task-fields.ts'
import type { Embed } from '../task-message.ts'
import { formatTimestamp, isWritable } from '../timestamps.ts'
import type { Headers, HeaderValue, WireMessage } from '../wire.ts'

/** A task to be sent. Missing fields get Celery's defaults. A `TaskMessage` fits too, except for a null `origin`. */
export interface NewTask {
  readonly id: string
  readonly task: string
  /** The sender: `gen<pid>@<host>`. */
  readonly origin: string
  readonly args?: readonly Json[] | undefined
  readonly kwargs?: JsonObject | undefined
  readonly embed?: Partial<Embed> | undefined
  readonly retries?: number | undefined
  /** Milliseconds since the epoch. */
  readonly eta?: number | undefined
  /** Milliseconds since the epoch. */
  readonly expires?: number | undefined
  /** Milliseconds. */
  readonly timeLimit?: { readonly hard?: number | undefined; readonly soft?: number | undefined } | undefined
  /** The first task of the tree. Default: this one. */
  readonly rootId?: string | null | undefined
  readonly parentId?: string | null | undefined
  readonly group?: string | null | undefined
  readonly groupIndex?: number | null | undefined
  readonly shadow?: string | null | undefined
  /** Null leaves the choice to the task's own setting. Default false. */
  readonly ignoreResult?: boolean | null | undefined
  /** How often tasks on the way to this one replaced themselves. Default 0. */
  readonly replacedTaskNesting?: number | undefined
  /** The queue for results. */
  readonly replyTo?: string | undefined
  /** The correlation id of results. Default: the task's id. */
  readonly correlationId?: string | undefined
  /** Default 0, as in kombu: without a priority, a quorum queue of RabbitMQ 4.3 delivers the message before those of Python. */
  readonly priority?: number | undefined
  readonly stampedHeaders?: readonly string[] | null | undefined
  readonly stamps?: { readonly [name: string]: Json | undefined } | undefined
  /** The compression of the body; none if left out. */
  readonly compression?: Compression | undefined
  /** The arguments as logs and monitors display them. Default: their Python repr. */
  readonly argsRepr?: string | undefined
  readonly kwargsRepr?: string | undefined
  /** The caller's own headers. */
  readonly headers?: { readonly [name: string]: Json | undefined } | undefined
}

/** The options for encoding a task. */
export interface EncodeOptions {
  /** The time of sending, in milliseconds since the epoch, from which the broker's expiration is computed. */
  readonly now: number
  /** False writes dates as plain strings, for peers with kombu before 5.3. Default true. */
  readonly tags?: boolean
}

/**
 * The protocol 2 message that Celery would send (wire specification 2.1 to 2.3). Throws `TWQ_UNSERIALISABLE` for a value without
 * a form on the wire, and `TWQ_USAGE` for a header with one of Celery's names.
 */
export function encodeTask(task: NewTask, options: EncodeOptions): WireMessage {
  if (!isName(task.id)) throw unserialisable(`the task id ${displayOf(task.id, 100)} must be a text of 1 to 255 bytes`)
  if (!isName(task.task))
    throw unserialisable(`the task name ${displayOf(task.task, 100)} must be a text of 1 to 255 bytes`)
  const args = task.args ?? []
  const kwargs = task.kwargs ?? {}
  // First, since it reports values without a JSON form; the code below relies on that.
  const body = encodeBody(args, kwargs, task.embed, options.tags)
  const compressed = task.compression === undefined ? undefined : compress(body, task.compression)
  const headers: Headers = {
    lang: 'js',
    task: task.task,
    id: task.id,
    shadow: task.shadow ?? null,
    eta: timeHeader('eta', task.eta),
    expires: timeHeader('expires', task.expires),
    group: task.group ?? null,
    group_index: task.groupIndex ?? null,
    retries: task.retries ?? 0,
    // Celery's order is hard, soft.
    timelimit: [seconds(task.timeLimit?.hard), seconds(task.timeLimit?.soft)],
    root_id: task.rootId ?? task.id,
    parent_id: task.parentId ?? null,
    argsrepr: task.argsRepr ?? argsRepr(args),
    kwargsrepr: task.kwargsRepr ?? kwargsRepr(kwargs),
    origin: task.origin,
    ignore_result: task.ignoreResult === undefined ? false : task.ignoreResult,
    replaced_task_nesting: task.replacedTaskNesting ?? 0,
    stamped_headers: task.stampedHeaders ?? null,
    stamps: task.stamps === undefined ? {} : headerObject(task.stamps, 'stamps', 0, { left: MAX_HEADER_SIZE }),
    ...(compressed !== undefined && { compression: compressed.header }),
  }
  return {
    properties: {
      ...JSON_CONTENT,
      deliveryMode: 2,
      correlationId: task.correlationId ?? task.id,
      replyTo: task.replyTo ?? '',
      priority: task.priority ?? 0,
      // Rounded to a whole second, AMQP's unit: the waiting time is computed from it. Celery sets none.
      timestamp: Math.round(options.now / 1000),
      expiration: expirationOf(task.expires, options.now),
    },
    headers: task.headers === undefined ? headers : { ...headers, ...customHeaders(task.headers) },
    body: compressed?.body ?? body,
  }
}

/** `[args, kwargs, embed]` as bytes. */
export function encodeBody(
  args: readonly Json[],
  kwargs: JsonObject,
  embed: Partial<Embed> = {},
  tags = true,
): Uint8Array {
  const parts = [
    stringifyJson(args, { path: 'args', tags }),
    stringifyJson(kwargs, { path: 'kwargs', tags }),
    encodeEmbed(embed, tags),
  ]
  return Buffer.from(`[${parts.join(',')}]`)
}

// The embed of most tasks.
const NOTHING_FOLLOWS = '{"callbacks":null,"errbacks":null,"chain":null,"chord":null}'

function encodeEmbed({ callbacks, errbacks, chain, chord }: Partial<Embed>, tags: boolean): string {
  if (!callbacks && !errbacks && !chain && !chord) return NOTHING_FOLLOWS
  const embed = {
    callbacks: callbacks ?? null,
    errbacks: errbacks ?? null,
    chain: chain ?? null,
    chord: chord ?? null,
  }
  return stringifyJson(embed, { path: 'embed', tags })
}

/** RabbitMQ closes the channel on a longer expiration: ten years. */
const LONGEST_EXPIRATION = 10 * 365 * 86_400_000

/** The `expiration` property: the remaining whole milliseconds, as text. Beyond the broker's limit only the header applies. */
export function expirationOf(expires: number | undefined, now: number): string | undefined {
  if (expires === undefined) return undefined
  const left = Math.max(0, Math.round(expires - now))
  return left <= LONGEST_EXPIRATION ? String(left) : undefined
}

/** A time as headers carry it; null for none. Throws `TWQ_UNSERIALISABLE`. */
export function timeHeader(field: string, ms: number | undefined): string | null {
  if (ms === undefined) return null
  if (!isWritable(ms)) throw unserialisable(`${field} ${ms} is no time between the years 1 and 9999`)
  return formatTimestamp(ms)
}

function seconds(ms: number | undefined): number | null {
  return ms === undefined ? null : ms / 1000
}

/**
 * The caller's own headers in the form of a message. Throws `TWQ_USAGE` for one of Celery's names, and `TWQ_UNSERIALISABLE` for a
 * value without a form in a header.
 */
export function customHeaders(headers: { readonly [name: string]: Json | undefined }): Headers {
  const custom: Record<string, HeaderValue> = Object.create(null)
  const budget = { left: MAX_HEADER_SIZE }
  for (const [name, value] of Object.entries(headers)) {
    if (isProtocolHeader(name)) {
      throw new TwqError('TWQ_USAGE', `the header name ${name} is one of Celery's own`, { hint: 'choose another name' })
    }
    if (value !== undefined) custom[name] = headerValue(value, `headers.${name}`, 0, budget)
  }
  return custom
}

/** Deeper header tables are refused, since peers decode them recursively. */
const MAX_HEADER_DEPTH = 16
/** In bytes, counted while reading: far more than fits into the one frame for headers. */
const MAX_HEADER_SIZE = 1024 * 1024

interface Budget {
  left: number
}

function headerValue(value: Json, path: string, depth: number, budget: Budget): HeaderValue {
  budget.left -= typeof value === 'string' ? value.length + 1 : 1
  if (budget.left < 0) throw unserialisable(`${path} makes the headers larger than ${MAX_HEADER_SIZE} bytes`)
  if (depth > MAX_HEADER_DEPTH) throw unserialisable(`${path} is nested more than ${MAX_HEADER_DEPTH} levels deep`)
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
      return value
    case 'bigint': {
      if (BigInt.asIntN(64, value) === value) return value
      // Formatting a very long one takes long.
      const shown = BigInt.asIntN(256, value) === value ? value : 'too large'
      throw unserialisable(`${path} is ${shown}: an integer in a header has at most 64 bits`)
    }
    case 'object':
      return value === null ? null : headerObject(value, path, depth, budget)
    default:
      throw unserialisable(`${path} is a ${typeof value}: it has no form in a header`)
  }
}

function headerObject(value: object, path: string, depth: number, budget: Budget): HeaderValue {
  if (value instanceof Uint8Array) return value
  if (value instanceof Date) return timeHeader(path, value.getTime())
  if (Array.isArray(value))
    return value.map((element, index) => headerValue(element ?? null, `${path}[${index}]`, depth + 1, budget))
  if (!isObject(value) || Object.prototype.toString.call(value) !== '[object Object]') {
    throw unserialisable(`${path} has no form in a header`)
  }
  const table: Record<string, HeaderValue> = Object.create(null)
  for (const [name, member] of Object.entries(value)) {
    if (member !== undefined) table[name] = headerValue(member, `${path}.${name}`, depth + 1, budget)
  }
  return table
}

function unserialisable(message: string): TwqError {
  return new TwqError('TWQ_UNSERIALISABLE', message)
}
