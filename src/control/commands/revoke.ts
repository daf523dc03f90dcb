import { constants } from 'node:os'
import { TwqError } from '../../errors.ts'
import { pythonRepr } from '../../protocol/python-repr.ts'
import { isObject } from '../../protocol/task-fields.ts'
import type { Json, JsonObject } from '../../runtime/json.ts'
import { cutText } from '../../runtime/text/cut-text.ts'
import { requireArguments, setRepr, textOf, textsOf } from '../arguments.ts'
import type { ControlCommand } from '../command.ts'
import type { WorkerView } from '../worker-view.ts'

/** `app.control.revoke(id, terminate=…)`, with the answers of Celery 5.6 (wire specification 7.4). */
export const revoke: ControlCommand = {
  name: 'revoke',
  kind: 'control',
  handle(worker, args) {
    requireArguments('revoke', args, ['task_id'])
    const ids = textsOf('task_id', args.task_id)
    return args.terminate === true ? endById(worker, ids, args.signal) : flagged(worker, ids)
  },
}

/** `app.control.terminate(id)`. The signal is only reported to monitors: a running task's `ctx.signal` aborts. */
export const terminate: ControlCommand = {
  name: 'terminate',
  kind: 'control',
  handle(worker, args) {
    requireArguments('terminate', args, ['signal', 'task_id'])
    return endById(worker, textsOf('task_id', args.task_id), args.signal)
  },
}

/** `app.control.revoke_by_stamped_headers({name: values}, terminate=…)`. */
export const revokeByStampedHeaders: ControlCommand = {
  name: 'revoke_by_stamped_headers',
  kind: 'control',
  handle(worker, args) {
    requireArguments('revoke_by_stamped_headers', args, ['headers'])
    const headers = readHeaders(args.headers)
    const stamps = Object.fromEntries(
      Object.entries(headers).map(([name, values]) => [textOf('a header', name), textsOf(name, values)]),
    )
    worker.revokeStamped(stamps)
    if (args.terminate !== true) {
      return { ok: `headers ${cutText(pythonRepr(headers), LONGEST_REPEATED)} flagged as revoked, but not terminated` }
    }
    const ended = worker.terminate(
      (request) =>
        Object.entries(stamps).some(([name, values]) => {
          const own = Object.hasOwn(request.stamps, name) ? request.stamps[name] : undefined
          return values.some((value) => own?.includes(value))
        }),
      signalNumber(args.signal),
    )
    return {
      ok: `headers ${cutText(pythonRepr(headers), LONGEST_REPEATED)} ${ended.length > 0 ? 'revoked' : 'were not terminated'}`,
    }
  },
}

/** The ids that this worker would not run. */
export const revoked: ControlCommand = {
  name: 'revoked',
  aliases: ['dump_revoked'],
  kind: 'inspect',
  handle: (worker) => worker.revoked().map(([id]) => id),
}

function flagged(worker: WorkerView, ids: readonly string[]): Json {
  worker.revoke(ids)
  return { ok: `tasks ${setRepr(ids)} flagged as revoked` }
}

function endById(worker: WorkerView, ids: readonly string[], signal: Json | undefined): Json {
  worker.revoke(ids)
  const wanted = new Set(ids)
  const ended = worker.terminate((request) => wanted.has(request.id), signalNumber(signal))
  return { ok: ended.length === 0 ? 'terminate: tasks unknown' : `terminate: ${ended.join(', ')}` }
}

// Of a table that is larger the answer repeats the beginning.
const LONGEST_REPEATED = 10_000
// Far more than a task has stamps.
const MOST_STAMPS = 1_000

/** The number of a signal: `'SIGTERM'`, `'TERM'` or 15. Throws in Python's words where there is none of the name. */
function signalNumber(signal: Json | undefined): number {
  if (typeof signal === 'number' && Number.isInteger(signal)) return signal
  if (signal === undefined || signal === null || signal === '') return constants.signals.SIGTERM
  if (typeof signal !== 'string' || signal !== signal.toUpperCase()) {
    throw new Error("TypeError('signal name must be uppercase string.')")
  }
  const name = signal.startsWith('SIG') ? signal : `SIG${signal}`
  const number = (constants.signals as Readonly<Record<string, number>>)[name]
  if (number === undefined || !Object.hasOwn(constants.signals, name)) {
    throw new Error(`AttributeError(${pythonRepr(`module 'signal' has no attribute '${cutText(name, 100)}'`)})`)
  }
  return number
}

/** A table of names and values, or the `name=value` texts that the command line sends. */
function readHeaders(headers: Json | undefined): JsonObject {
  if (Array.isArray(headers)) {
    return Object.fromEntries(textsOf('headers', headers).map(readHeader))
  }
  if (isObject(headers) && Object.keys(headers).length <= MOST_STAMPS) return headers
  throw new TwqError('TWQ_ARGUMENTS', "headers must be a table of names and values, or a list of 'name=value'")
}

function readHeader(text: string): readonly [string, string] {
  const [name, stamp] = text.split('=', 2)
  if (name === undefined || stamp === undefined)
    throw new TwqError('TWQ_ARGUMENTS', `'${cutText(text)}' is not name=value`)
  return [name, stamp]
}
