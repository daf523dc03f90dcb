import { randomUUID } from 'node:crypto'
import { createInterface } from 'node:readline'
import { celeryMessage, preload } from '../support/celery-message.ts'
import { Ledger } from '../support/ledger.ts'
import { exitOf, killGroup, spawnGuarded } from '../support/provision/guarded.ts'
import { type Content, type Observer, observe, type SetAside } from './observer.ts'
import { fresh, messagesIn, pythonScript, type Scene, startWorker } from './scene.ts'

/** What python/hostile.py says of a message that it published. */
export interface HostileMessage {
  readonly name: string
  /** `either`: it may run, fail, or be set aside; what matters is that it ends. */
  readonly expected: 'set aside' | 'run' | 'either'
  /** What the task must return, where that matters. */
  readonly value: string | null
  readonly id: string | null
  readonly correlationId: string | null
}

/** What became of one hostile message. */
export interface HostileCase {
  readonly name: string
  readonly expected: HostileMessage['expected']
  readonly setAside: SetAside | undefined
  /** Its original bytes can be had back from quarantine. */
  readonly intact: boolean
  /** The last state that its sender was told. */
  readonly state: string | undefined
  /** It ran to its end. */
  readonly ran: boolean
  /** It returned another value than it must. */
  readonly garbled: boolean
  /** The next, ordinary task ran. */
  readonly nextRan: boolean
}

/** What became of all of them, and of the worker. */
export interface HostileReport {
  readonly cases: readonly HostileCase[]
  /** The process that was started runs on. */
  readonly running: boolean
  /** How often it lost a connection or a channel, or opened another. */
  readonly interruptions: number
  readonly exit: number | null
  readonly left: number
}

/** Settings of a broker that lets all of them through: from 4.0 on RabbitMQ refuses messages of more than 16 MiB by itself. */
export const HOSTILE_BROKER = { max_message_size: 128 * 2 ** 20 }

const PATIENCE = 20_000

/** Sends hostile messages one by one to one worker, each followed by an ordinary task. */
export async function sendHostileMessages(scene: Scene): Promise<HostileReport> {
  const queue = `hostile-${randomUUID()}`
  const [replies, copies] = [`${queue}-replies`, `${queue}-copies`]
  const ledger = new Ledger(fresh(scene, 'ledger'))
  await using worker = await startWorker(scene, { queue, ledger: ledger.path })
  const connections = worker.count('broker.connected')
  await using observer = await observe(scene.url, { queue, replies, copies })
  await using publisher = openPublisher(scene, queue, replies, copies)

  const sent: (HostileMessage & { readonly nextRan: boolean })[] = []
  while (worker.running) {
    const message = await publisher.next()
    if (message === undefined) break
    const [next = ''] = await preload(scene.url, queue, 1, () => celeryMessage('acceptance.work', [0], 'nobody'))
    const ran = ledger.until(({ ended }) => ended.has(next), `the task after ${message.name}`, PATIENCE)
    const nextRan = await ran.then(() => true).catch(() => false)
    sent.push({ ...message, nextRan })
  }
  await observer.until(() => observer.copies.length === sent.length, PATIENCE)
  const outcomes = () => sent.map((message, n) => outcome(message, observer.copies[n], observer, ledger))
  await observer.until(() => outcomes().every(hasEnded), PATIENCE)
  const { running } = worker
  const lost = worker.count('broker.lost') + worker.count('channel.lost')
  const interruptions = lost + worker.count('broker.connected') - connections
  const exit = running ? await worker.stop() : null
  return { cases: outcomes(), running, interruptions, exit, left: await messagesIn(scene.url, queue) }
}

/** Nothing vanished: it was set aside, it ran, or its sender was told how it ended. */
export function hasEnded({ setAside, state, ran }: HostileCase): boolean {
  return setAside !== undefined || ran || state === 'SUCCESS' || state === 'FAILURE'
}

/** What must become of a hostile message did. */
export function isWell(hostile: HostileCase): boolean {
  if (!hostile.nextRan || !hasEnded(hostile) || hostile.garbled) return false
  if (hostile.expected === 'run') return hostile.setAside === undefined
  if (hostile.expected === 'either' && hostile.setAside === undefined) return true
  return hostile.setAside !== undefined && hostile.setAside.reason !== '' && hostile.intact
}

function outcome(
  message: HostileMessage & { readonly nextRan: boolean },
  original: Content | undefined,
  observer: Observer,
  ledger: Ledger,
): HostileCase {
  const { name, expected, value, nextRan } = message
  const ran = message.id !== null && ledger.ended.has(message.id)
  const copy = observer.setAside.find(({ headers, body }) => headers === original?.headers && body === original?.body)
  // Its bytes are not what they were, but it is there. (What ran may have an answer there, which has its id.)
  const damaged = observer.setAside.find(({ correlationId }) => !ran && correlationId === message.correlationId)
  const answer = observer.answers.get(message.correlationId ?? '')
  return {
    name,
    expected,
    nextRan,
    ran,
    setAside: copy ?? damaged,
    intact: copy !== undefined,
    state: answer?.status,
    garbled: value !== null && answer?.result !== value,
  }
}

/** A Python process that publishes the next message each time it is asked. */
function openPublisher(scene: Scene, ...queues: readonly string[]) {
  const { python, url } = scene
  const child = spawnGuarded(python.command, [pythonScript('hostile.py'), url, ...queues], {
    stdin: 'pipe',
    env: python.env,
  })
  child.stderr?.pipe(process.stderr)
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  return {
    /** Undefined when there are no more. */
    async next(): Promise<HostileMessage | undefined> {
      child.stdin?.write('next\n')
      const { value, done } = await lines.next()
      if (!done) return JSON.parse(value) as HostileMessage
      const { code } = await exitOf(child)
      if (code !== 0) throw new Error(`hostile.py ended with ${code}`)
      return undefined
    },
    [Symbol.asyncDispose]: () => killGroup(child),
  }
}
