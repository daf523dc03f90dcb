import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '../../src/client/create-client.ts'
import { occurrenceId } from '../../src/schedules/times/occurrence.ts'
import { aProject } from '../support/a-project.ts'
import type { RabbitNode } from '../support/provision/rabbit.ts'
import { type LogRecord, startTwqWorker, type TwqWorker } from '../support/twq-worker.ts'
import { pollUntil } from '../support/until.ts'

/** What became of two entries that were due each second, one with each way to catch up, while its leaders were killed and frozen and the broker was restarted. */
export interface SchedulesReport {
  /** How many due times there were, and those at which nothing ran. */
  readonly due: number
  readonly missing: readonly number[]
  /** Runs under ids of no due time, and runs of an id beyond the first. */
  readonly foreign: number
  readonly repeated: number
  /** Gaps after which the entry with `catchUp: 'last'` was sent, and the most that were sent after one. */
  readonly gaps: number
  readonly mostAfterGap: number
  readonly kills: number
  /** Milliseconds until another worker led: the longest after a kill, and after the freeze. */
  readonly afterKill: number
  readonly afterFreeze: number
}

const TASKS = `import { appendFileSync } from 'node:fs'
import { defineTask } from 'twq'

export const tick = defineTask({ name: 'tick', run: (_args, ctx) => appendFileSync('ledger', ctx.id + '\\n') })
export const last = defineTask({ name: 'last', run: () => {} })
`
/** Milliseconds. */
export const HEARTBEAT = 5_000
const FROZEN = 30_000

/** Three workers have entries that are due each second for so many seconds: their leader is killed every 5 to 15 s, frozen once, and the broker restarted twice. */
export async function keepSchedules(
  node: RabbitNode,
  { type, seconds }: { readonly type: 'classic' | 'quorum'; readonly seconds: number },
): Promise<SchedulesReport> {
  const namespace = randomUUID()
  const queue = { name: `ticks-${namespace}`, type }
  const broker = node.url()
  const config = {
    broker,
    tasks: ['./tasks.ts'],
    queues: [queue],
    heartbeat: HEARTBEAT,
    schedulesNamespace: namespace,
    schedules: {
      tick: { task: 'tick', every: '1s', catchUp: 'all', queue: queue.name },
      last: { task: 'last', every: '1s', catchUp: 'last', queue: queue.name },
    },
    // With what was sent.
    logLevel: 'debug',
  }
  using project = aProject({ 'worker.config.ts': `export default ${JSON.stringify(config)}\n`, 'tasks.ts': TASKS })
  await using fleet = new Fleet(project.folder)
  await using client = createClient({ broker, schedulesNamespace: namespace, resultBackend: 'none' })
  const leader = async (): Promise<string | undefined> =>
    await client.schedules.list().then(
      (list) => list.leader,
      () => undefined,
    )
  const untilLed = async (): Promise<string> =>
    (await pollUntil('a leader', leader, (name) => name !== undefined)) ?? ''

  await Promise.all(['a', 'b', 'c'].map((name) => fleet.start(name)))
  await untilLed()
  const first = nextSecond()
  const end = Date.now() + seconds * 1_000
  const at = (share: number): number => first + share * seconds * 1_000
  const restarts = [at(0.3), at(0.7)]
  let [kills, afterKill, afterFreeze] = [0, 0, 0]
  let freezeAt = at(0.5)
  while (Date.now() < end) {
    await sleep(5_000 + Math.random() * 10_000)
    const now = Date.now()
    if (restarts[0] !== undefined && now >= restarts[0]) {
      restarts.shift()
      await node.restart()
      await untilLed()
    } else if (now >= freezeAt) {
      freezeAt = Number.POSITIVE_INFINITY
      afterFreeze = await fleet.freeze(await untilLed(), FROZEN)
    } else {
      const took = await fleet.kill(await untilLed())
      afterKill = Math.max(afterKill, took)
      kills += 1
      await fleet.start(`after-${kills}`)
    }
  }
  await untilLed()
  const last = nextSecond()
  const ledger = join(project.folder, 'ledger')
  const ran = (): readonly string[] => (existsSync(ledger) ? readFileSync(ledger, 'utf8').split('\n').slice(0, -1) : [])
  const idAt = (due: number): string => occurrenceId(namespace, 'tick', due)
  await pollUntil('the last run', ran, (ids) => ids.includes(idAt(last)))
  await sleep(5_000)
  const due = Array.from({ length: (last - first) / 1_000 + 1 }, (_, index) => first + index * 1_000)
  const around = Array.from({ length: due.length + 400 }, (_, index) => idAt(first + (index - 200) * 1_000))
  const [ids, possible] = [ran(), new Set(around)]
  return {
    due: due.length,
    missing: due.filter((moment) => !ids.includes(idAt(moment))),
    foreign: ids.filter((id) => !possible.has(id)).length,
    repeated: ids.length - new Set(ids).size,
    ...fleet.sentAfterGaps('last'),
    kills,
    afterKill,
    afterFreeze,
  }
}

function nextSecond(): number {
  return (Math.floor(Date.now() / 1_000) + 1) * 1_000
}

/** One time of leading: when it began, and what of each entry that was due before was sent in it. */
interface Lead {
  readonly node: string
  readonly at: number
  readonly late: Map<unknown, number>
}

/** Workers by their node names, and the times that they led. */
class Fleet {
  readonly #folder: string
  readonly #workers = new Map<string, TwqWorker>()
  readonly #led: Lead[] = []

  constructor(folder: string) {
    this.#folder = folder
  }

  async start(name: string): Promise<void> {
    const node = `${name}@twq`
    const worker = await startTwqWorker({ project: this.#folder, args: ['-n', node] })
    let own: Lead | undefined
    const hear = ({ event, time, schedule, due }: LogRecord): void => {
      if (event === 'schedules.leading') {
        own = { node, at: Date.parse(String(time)), late: new Map() }
        this.#led.push(own)
      } else if (event === 'schedule.sent' && own !== undefined && Date.parse(String(due)) < own.at) {
        own.late.set(schedule, (own.late.get(schedule) ?? 0) + 1)
      }
    }
    worker.log.entries.forEach(hear)
    worker.log.listen(hear)
    this.#workers.set(node, worker)
  }

  /** Resolves with how long it took until another one led. */
  async kill(node: string): Promise<number> {
    const at = Date.now()
    this.#workers.get(node)?.signal('SIGKILL')
    const took = await this.#untilAnother(node, at)
    await this.#workers.get(node)?.[Symbol.asyncDispose]()
    this.#workers.delete(node)
    return took
  }

  async freeze(node: string, ms: number): Promise<number> {
    const at = Date.now()
    this.#workers.get(node)?.signal('SIGSTOP')
    const took = await this.#untilAnother(node, at)
    await sleep(Math.max(0, at + ms - Date.now()))
    this.#workers.get(node)?.signal('SIGCONT')
    return took
  }

  /** After how many gaps an entry was sent, and how often at most, for due times before the new leader began. */
  sentAfterGaps(schedule: string): { readonly gaps: number; readonly mostAfterGap: number } {
    const counts = this.#led.map(({ late }) => late.get(schedule) ?? 0).filter((count) => count > 0)
    return { gaps: counts.length, mostAfterGap: Math.max(0, ...counts) }
  }

  async #untilAnother(node: string, since: number): Promise<number> {
    const next = () => this.#led.find((one) => one.node !== node && one.at >= since)
    return ((await pollUntil('another leader', next, (one) => one !== undefined))?.at ?? 0) - since
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const worker of this.#workers.values()) {
      worker.signal('SIGCONT')
      await worker[Symbol.asyncDispose]()
    }
  }
}
