import { TwqError } from '../../errors.ts'
import { argsText } from '../../protocol/result/exceptions.ts'
import type { RemoteError } from '../../protocol/result-record.ts'
import type { Json, JsonObject } from '../../runtime/json.ts'
import { cutText } from '../../runtime/text/cut-text.ts'
import { printable, printableLines } from '../../runtime/text/printable.ts'
import { toJson } from '../terminal/output.ts'
import type { TaskReport } from '../worker/parent-link.ts'

const LONGEST_TRACE = 4_000

/** How a task's line looks: the longest text shown of one value, and how its end is marked on a terminal. */
export interface LineStyle {
  readonly longest?: number
  readonly mark?: (text: string, tone: Tone) => string
}

/** The tone of a line for a task's end. */
export type Tone = 'good' | 'bad' | 'other'

/** The task as a call, and what became of it: `add(2, 3) = 5  4 ms`. A failure's stack trace follows on lines of its own. */
export function taskLine(report: TaskReport, { longest = 200, mark = (text) => text }: LineStyle = {}): string {
  const { tone, text, took, trace } = ending(report, longest)
  const time = took === undefined ? '' : `  ${took < 10 ? took.toFixed(1) : Math.round(took)} ms`
  const below = trace ? `\n${printableLines(cutText(trace, LONGEST_TRACE).trimEnd()).replace(/^/gm, '    ')}` : ''
  return `${callOf(report, longest)} ${mark(printable(cutText(text)), tone)}${time}${below}`
}

/** A call as one would write it: positional arguments, then named ones. */
export function callOf({ task, args, kwargs }: Pick<TaskReport, 'task' | 'args' | 'kwargs'>, longest = 200): string {
  const named = Object.entries(kwargs as JsonObject).map(([name, value]) => `${name}=${shown(value, longest)}`)
  return printable(`${task}(${[...args.map((value) => shown(value, longest)), ...named].join(', ')})`)
}

interface Ending {
  readonly tone: Tone
  readonly text: string
  /** Milliseconds. */
  readonly took?: number
  readonly trace?: string | null
}

function ending({ outcome }: TaskReport, longest: number): Ending {
  switch (outcome.kind) {
    case 'succeeded':
      return { tone: 'good', text: `= ${shown(outcome.result, longest)}`, took: outcome.runtime }
    case 'failed': {
      const { error, runtime } = outcome
      return { tone: 'bad', text: `failed: ${nameOf(error)}`, took: runtime, trace: error.traceback }
    }
    case 'retry': {
      const reason = outcome.error === null ? '' : `: ${nameOf(outcome.error)}`
      return { tone: 'other', text: `will be tried again at ${new Date(outcome.at).toISOString()}${reason}` }
    }
    case 'timed-out':
      return { tone: 'bad', text: `ran into its time limit of ${outcome.limit} ms` }
    case 'rejected':
      return { tone: 'bad', text: outcome.requeue ? 'rejected, back to its queue' : 'rejected' }
    case 'replaced':
      return { tone: 'other', text: 'replaced itself' }
    case 'ignored':
      return { tone: 'other', text: 'asked to be ignored' }
    case 'revoked':
      return { tone: 'other', text: outcome.reason }
    case 'lost':
      return { tone: 'bad', text: `lost: ${nameOf(outcome.error)}` }
    case 'interrupted':
      return { tone: 'other', text: 'interrupted: back to its queue' }
    default:
      throw new TwqError('TWQ_INTERNAL', `unknown outcome ${String(outcome satisfies never)}`)
  }
}

function nameOf(error: RemoteError): string {
  return error.args.length === 0 ? error.type : `${error.type}: ${argsText(error)}`
}

function shown(value: Json, longest: number): string {
  const text = toJson(value, { compact: true })
  return text.length > longest ? `${text.slice(0, longest)}…` : text
}
