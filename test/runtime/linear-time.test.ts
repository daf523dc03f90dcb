import { describe, expect, it } from 'vitest'
import { logLine } from '../../src/cli/dev/log-line.ts'
import { taskLine } from '../../src/cli/dev/task-line.ts'
import { eventLine } from '../../src/cli/events/event-line.ts'
import { detailsByNode } from '../../src/cli/remote/inspect-report.ts'
import { taskTable } from '../../src/cli/remote/task-tables.ts'
import { explain } from '../../src/cli/terminal/errors-for-people.ts'
import { table, toJson } from '../../src/cli/terminal/output.ts'
import { show } from '../../src/config/problems.ts'
import { commandTable } from '../../src/control/command.ts'
import { commands } from '../../src/control/commands/all.ts'
import type { WorkerView } from '../../src/control/worker-view.ts'
import { parseJson } from '../../src/protocol/json.ts'
import { pythonRepr } from '../../src/protocol/python-repr.ts'
import { registeredIn } from '../../src/protocol/remote/inspect-answers.ts'
import { createLogger } from '../../src/runtime/log/logger.ts'
import { cutText } from '../../src/runtime/text/cut-text.ts'
import { matchesGlob } from '../../src/runtime/text/glob.ts'
import { maskPasswords } from '../../src/runtime/text/mask-passwords.ts'
import { escapeInJson, printable, printableLines } from '../../src/runtime/text/printable.ts'
import { redactUrl } from '../../src/runtime/text/redact-url.ts'
import { parseDuration } from '../../src/runtime/time/duration.ts'
import { parseRate } from '../../src/runtime/time/token-bucket.ts'

// The only tests that look at the clock: a regular expression that goes back over a text shows only there.

const HALF = 100_000
// Milliseconds that a collection of garbage takes; 200 kB squared take seconds.
const NOISE = 150

const PATTERNS = [
  '://a:',
  '?a=',
  'a=',
  '://',
  '://a:b@',
  '://a:1 ',
  '?password',
  '?password=',
  '\\',
  '"',
  "'",
  '%',
  ' ',
  '\t',
  '\n',
  '\r',
  '\u0000',
  '\u009b',
  '\u202e',
  '\ud83d\ude00',
  '[',
  ' [',
  '(',
  '{',
  ']',
  '7',
  '1.',
  '.',
  '*',
  '#',
  ';',
  ',',
  ':',
  '@',
  '/',
  'a',
  '-',
  'é',
  'software -> ',
  'vhost ',
  '\nRequire stack:',
]

const silent = { isTTY: false, write: () => true }
const json = createLogger({ level: 'info', format: 'json', destination: silent })
const pretty = createLogger({ level: 'info', format: 'pretty', destination: silent, color: true })
const event = { type: 'task-failed', hostname: 'h', timestamp: 0, clock: 0, local_received: 0, uuid: 'u' }
const worker = { node: 'n', limitRate: () => false, limitTime: () => false } as unknown as WorkerView
const byName = commandTable(commands)

const FORMATTERS: Readonly<Record<string, (text: string) => unknown>> = {
  maskPasswords,
  'maskPasswords of JSON': (text) => maskPasswords(JSON.stringify({ url: `amqp://${text}` })),
  redactUrl,
  'redactUrl behind a scheme': (text) => redactUrl(`amqp://${text}`),
  printable,
  printableLines,
  escapeInJson,
  cutText,
  'a field of a JSON log line': (text) => json.error({ error: text, err: new Error(text), deep: [{ text }] }, 'failed'),
  'the message of a JSON log line': (text) => json.error({}, text),
  'a field of a pretty log line': (text) => pretty.error({ error: text, err: new Error(text) }, 'failed'),
  'the message of a pretty log line': (text) => pretty.error({}, text),
  'a binding of a log line': (text) => json.child({ task: text }).info({}, 'x'),
  'twq events': (text) => eventLine({ ...event, hostname: text, exception: text }, { time: 'iso', task: text }),
  'twq dev, its log': (text) => logLine(JSON.stringify({ level: 'error', msg: text, event: 'x', err: { type: text } })),
  'twq dev, a task': (text) =>
    taskLine({
      task: text,
      args: [text],
      kwargs: { [text]: text },
      outcome: { kind: 'failed', error: { type: text, args: [text], traceback: text }, runtime: 1 },
    } as unknown as Parameters<typeof taskLine>[0]),
  'a table': (text) => table([text], [{ title: 'T', cell: (row) => row, elastic: true }], { width: 80 }),
  'an error': (text) => explain(new Error(text), { verbose: true, emphasise: (shown) => shown }),
  'an error as JSON': (text) => explain(new Error(text), { json: true, verbose: true, emphasise: (shown) => shown }),
  'an inspect report': (text) => detailsByNode(new Map([[text, { ok: text }]])),
  'running tasks': (text) =>
    taskTable('active', new Map([['n', [{ id: text, name: text, args: text, kwargs: { a: text } }]]]), 0, {
      width: 80,
    }),
  'the attributes of a registered task': (text) =>
    [`x [${text}\n]`, `x [a=${text}]`].map((line) => registeredIn([line])),
  toJson: (text) => toJson({ [text]: [text] }),
  'a configuration problem': show,
  pythonRepr: (text) => pythonRepr([text]),
  'a glob': (text) => [matchesGlob(text, '*a*b?[x-z]*'), matchesGlob('a.b', text)],
  'JSON from the wire': (text) => attempt(() => [parseJson(text), parseJson(`["${text}`)]),
  'a rate': (text) => [parseRate(text), parseRate(`1${text}x`)],
  'a duration': (text) => [parseDuration(text), parseDuration(`1${text}x`)],
  ...Object.fromEntries(
    ['active_queues', 'rate_limit', 'time_limit', 'pool_grow', 'revoke_by_stamped_headers', 'add_consumer'].map(
      (name) => [
        `the command ${name}`,
        (text: string) =>
          attempt(() =>
            byName.get(name)?.handle(worker, {
              [text]: text,
              task_name: text,
              rate_limit: `1${text}`,
              soft: `1${text}`,
              n: `1${text}`,
              headers: [text],
              queue: text,
            }),
          ),
      ],
    ),
  ),
}

describe.each(Object.entries(FORMATTERS))('%s', (_, format) => {
  it('takes twice as long for a text of twice the length', () => {
    const slow = PATTERNS.filter((pattern) => !isLinear(format, pattern))
    expect(slow).toEqual([])
  })
})

/** The best of some tries: what else runs here makes a try longer, never shorter. */
function isLinear(format: (text: string) => unknown, pattern: string): boolean {
  const half = textOf(pattern, HALF)
  const whole = textOf(pattern, 2 * HALF)
  let [fast, slow] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
  for (let attempts = 0; attempts < 12; attempts += 1) {
    slow = Math.min(slow, millisecondsOf(format, whole))
    if (slow < 3 * NOISE) return true
    fast = Math.min(fast, millisecondsOf(format, half))
    if (slow < 3 * Math.max(fast, NOISE)) return true
  }
  return false
}

function textOf(pattern: string, length: number): string {
  return pattern.repeat(Math.ceil(length / pattern.length)).slice(0, length)
}

/** Of this process's own time: what else runs on the machine does not count. */
function millisecondsOf(format: (text: string) => unknown, text: string): number {
  const start = process.cpuUsage()
  format(text)
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1_000
}

function attempt(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    return error
  }
}
