import { amqpBroker } from '../../broker/amqp/amqp-broker.ts'
import type { Session } from '../../broker/session.ts'
import type { Config } from '../../config/config.ts'
import { messageOf, TwqError } from '../../errors.ts'
import { ClusterState } from '../../events/cluster-state.ts'
import { queueStatus } from '../../queues/queue-access.ts'
import { systemClock } from '../../runtime/time/clock.ts'
import { pause } from '../../runtime/time/pause.ts'
import { Broadcast } from '../../sending/broadcast.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { milliseconds } from '../flags/values.ts'
import { lossesOf } from '../remote/losses.ts'
import { openWatch } from '../remote/watch-events.ts'
import { EXIT } from '../terminal/exit-codes.ts'
import { interruptible } from '../terminal/interruption.ts'
import { note, print, wantsJson } from '../terminal/output.ts'
import { queueNames, runningTasks } from './census.ts'
import { type Effect, FIRST_SIGHT, type KeyPress, press, shownTasks } from './interface.ts'
import { type QueueView, report, type Scene, sceneAsJson, screen } from './render.ts'
import { takeTerminal } from './terminal.ts'

/** The flags of `twq top`. */
export interface TopFlags extends GlobalOptions {
  readonly interval?: string
  readonly once?: boolean
  /** False with `--no-enable`. */
  readonly enable?: boolean
}

const INTERVAL = 1_000
// In a pipe or file, one table a second would be too much output.
const REPORT_INTERVAL = 5_000
const CENSUS_TIMEOUT = 1_000
// The most tasks in one table of a pipe or file.
const MOST_REPORTED = 50

/** `twq top`: shows workers, queues and tasks: live on a terminal, otherwise repeatedly as a table or as a line of JSON. */
export function top(flags: TopFlags): Promise<number> {
  const live = process.stdin.isTTY === true && process.stdout.isTTY === true && flags.once !== true && !wantsJson(flags)
  const fallback = live || flags.once ? INTERVAL : REPORT_INTERVAL
  const interval = flags.interval === undefined ? fallback : milliseconds('--interval', flags.interval)
  return interruptible(async (stopped) => {
    const gone = new AbortController()
    // The reader of our tables has closed the pipe.
    process.stdout.once('error', () => gone.abort())
    const signal = AbortSignal.any([stopped, gone.signal])
    let news: string | undefined
    const onNews = (text: string): void => {
      news = text
      if (!live) note(text, flags)
    }
    await using watch = await openWatch('top', flags, {
      signal,
      enableTaskEvents: flags.enable !== false,
      onNews,
    })
    const cluster = new ClusterState()
    const losses = lossesOf(watch.stream, cluster)
    const folded = (async () => {
      for await (const event of watch.stream) {
        cluster.apply(event)
        const loss = losses()
        if (loss !== undefined) onNews(loss)
      }
    })()
    const broker = amqpBroker({ url: watch.config.broker, heartbeat: watch.config.heartbeat, name: 'twq top' })
    // A new one for each question: `twq top` runs for hours, and a `Broadcast` does not reconnect.
    const open = () => Broadcast.open(broker, systemClock, { signal })
    const queues = await census(open, cluster, watch.config)
    const look = async (): Promise<Scene> => ({
      workers: cluster.workers.values(),
      tasks: cluster.tasks.values(),
      queues: await lookAtQueues(watch.session, queues),
      now: systemClock.now() / 1000,
    })
    if (live) await onTerminal({ look, cluster, open, interval, signal, news: () => news })
    else await asReports(look, interval, flags, signal)
    await watch.stream[Symbol.asyncDispose]()
    await folded
    return EXIT.ok
  })
}

/** Asks workers for their queues, and for tasks that started before events were received. Both are empty without a worker. */
async function census(
  open: () => Promise<Broadcast>,
  cluster: ClusterState,
  { queues }: Config,
): Promise<readonly string[]> {
  await using broadcast = await open()
  const ask = async (method: string, args = {}) => {
    try {
      return await broadcast.ask(method, args, { timeout: CENSUS_TIMEOUT })
    } catch (error) {
      if (TwqError.is(error, 'TWQ_NO_WORKER')) return new Map<string, never>()
      throw error
    }
  }
  const [active, consumed] = await Promise.all([ask('active', { safe: true }), ask('active_queues')])
  for (const event of runningTasks(active, systemClock.now() / 1000)) {
    // If an event about the task has arrived in the meantime, the event is more accurate.
    if (event.uuid !== undefined && !cluster.tasks.has(event.uuid)) cluster.apply(event)
  }
  return [...new Set([...queues.map(({ name }) => name), ...queueNames(consumed)])].sort()
}

async function lookAtQueues({ connection }: Session, names: readonly string[]): Promise<readonly QueueView[]> {
  // The bottom line says that the broker is away.
  const unknown = { messages: undefined, consumers: undefined }
  return await Promise.all(
    names.map(async (name) => {
      const status = connection === undefined ? unknown : await queueStatus(connection, name).catch(() => unknown)
      return { name, ready: status?.messages, consumers: status?.consumers }
    }),
  )
}

async function asReports(
  look: () => Promise<Scene>,
  interval: number,
  { once = false, ...flags }: TopFlags,
  signal: AbortSignal,
): Promise<void> {
  const json = wantsJson(flags)
  // Before the first table, to receive the heartbeats of the workers.
  for (let turn = 0; !signal.aborted && (turn === 0 || !once); turn += 1) {
    await pause(systemClock, interval, signal)
    if (signal.aborted) break
    const scene = await look()
    if (json) print(sceneAsJson(scene, FIRST_SIGHT, { compact: !once }))
    else print(`${turn === 0 ? '' : '\n'}${report(scene, FIRST_SIGHT, MOST_REPORTED)}`)
  }
}

interface Live {
  readonly look: () => Promise<Scene>
  readonly cluster: ClusterState
  readonly open: () => Promise<Broadcast>
  readonly interval: number
  readonly signal: AbortSignal
  /** The last remark about the connection. */
  readonly news: () => string | undefined
}

async function onTerminal({ look, cluster, open, interval, signal, news }: Live): Promise<void> {
  const left = new AbortController()
  const over = AbortSignal.any([signal, left.signal])
  let chosen = FIRST_SIGHT
  let scene = await look()
  const draw = (): void => {
    const shown = { ...scene, workers: cluster.workers.values(), tasks: cluster.tasks.values() }
    const message = chosen.message ?? news()
    terminal.draw(screen({ ...shown, now: systemClock.now() / 1000 }, { ...chosen, message }, terminal.frame()))
  }
  const perform = async (effect: Effect): Promise<void> => {
    if (effect.kind === 'quit') return left.abort()
    const message = await revoke(open, effect)
    chosen = { ...chosen, message }
    draw()
  }
  const onKey = (key: KeyPress): void => {
    const { after, effect } = press(chosen, key, shownTasks(cluster.tasks.values(), chosen))
    chosen = after
    draw()
    if (effect !== undefined) void perform(effect)
  }
  using terminal = takeTerminal({ onKey, onResize: draw })
  while (!over.aborted) {
    draw()
    await pause(systemClock, interval, over)
    if (!over.aborted) scene = await look()
  }
}

/** The outcome as text. */
async function revoke(
  open: () => Promise<Broadcast>,
  { uuid, terminate }: Extract<Effect, { readonly kind: 'revoke' }>,
): Promise<string> {
  try {
    await using broadcast = await open()
    await broadcast.tell('revoke', { task_id: uuid, terminate, signal: 'SIGTERM' })
    return `${uuid} is revoked${terminate ? ', and ended if it runs' : ''}`
  } catch (error) {
    return `${uuid} was not revoked: ${messageOf(error)}`
  }
}
