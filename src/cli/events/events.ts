import { once } from 'node:events'
import { styleText } from 'node:util'
import { TwqError } from '../../errors.ts'
import { ClusterState } from '../../events/cluster-state.ts'
import type { CeleryEvent } from '../../protocol/remote/read-event.ts'
import { matchesGlob } from '../../runtime/text/glob.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { lossesOf } from '../remote/losses.ts'
import { openWatch } from '../remote/watch-events.ts'
import { EXIT, exitCodeOfSignal } from '../terminal/exit-codes.ts'
import { interruptible } from '../terminal/interruption.ts'
import { note, toJson, wantsJson } from '../terminal/output.ts'
import { type EventTone, eventLine } from './event-line.ts'

/** The flags of `twq events`. */
export interface EventsFlags extends GlobalOptions {
  readonly ndjson?: boolean
  readonly type?: readonly string[]
  readonly task?: string
  readonly destination?: string
  readonly enable?: boolean
  readonly limit?: string
}

/**
 * `twq events`: prints the events of the broker's workers until it is stopped, or has printed as many as were asked for. Ctrl-C is the
 * normal end, with status 0, unless `--limit` asked for more events.
 */
export async function events(flags: EventsFlags): Promise<number> {
  const status = await printEvents(flags)
  return status === exitCodeOfSignal('SIGINT') && flags.limit === undefined ? EXIT.ok : status
}

function printEvents(flags: EventsFlags): Promise<number> {
  const limit = limitOf(flags.limit)
  const destination = flags.destination?.split(',').map((node) => node.trim())
  const asJson = flags.ndjson === true || wantsJson(flags)
  return interruptible(async (stopped) => {
    const gone = new AbortController()
    // The reader of our lines, `head` say, has closed the pipe.
    process.stdout.once('error', () => gone.abort())
    const signal = AbortSignal.any([stopped, gone.signal])
    await using watch = await openWatch('events', flags, {
      signal,
      ...(destination && { destination }),
      ...(flags.enable && { enableTaskEvents: true }),
      onNews: (text) => note(text, flags),
    })
    const { stream } = watch
    note('listening; Ctrl-C ends it', flags)
    // Only task-received says what a task is called.
    const cluster = new ClusterState()
    const time = process.stdout.isTTY ? 'short' : 'iso'
    let left = limit
    const losses = lossesOf(stream, cluster)
    for await (const event of stream) {
      cluster.apply(event)
      const loss = losses()
      if (loss !== undefined) note(loss, flags)
      const task = event.uuid === undefined ? undefined : cluster.tasks.get(event.uuid)?.name
      if (!isWanted(event, task, destination, flags)) continue
      await write(asJson ? toJson(event, { compact: true }) : eventLine(event, { time, task, mark: inColour }), signal)
      left -= 1
      if (left === 0) break
    }
    if (stream.dropped > 0) note(`${stream.dropped} events were left out`, flags)
    return EXIT.ok
  })
}

function isWanted(
  event: CeleryEvent,
  task: string | undefined,
  destination: readonly string[] | undefined,
  { type: types, task: pattern }: EventsFlags,
): boolean {
  if (types !== undefined && !types.some((wanted) => matchesGlob(event.type, wanted))) return false
  if (destination !== undefined && !destination.includes(event.hostname)) return false
  return pattern === undefined || (task !== undefined && matchesGlob(task, pattern))
}

/** Waits for a slow reader; meanwhile events collect in the stream, which is bounded. */
async function write(line: string, signal: AbortSignal): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain', { signal }).catch(() => {})
}

const COLOURS = { good: 'green', bad: 'red', other: 'yellow' } as const

function inColour(text: string, tone: EventTone): string {
  return tone === 'plain' ? text : styleText(COLOURS[tone], text, { stream: process.stdout })
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY
  const limit = Number(text)
  if (Number.isSafeInteger(limit) && limit > 0) return limit
  throw new TwqError('TWQ_USAGE', `--limit must be a whole number above 0, got ${text}`)
}
