import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import amqp from 'amqplib'
import { cpuTime } from '../../bench/process-figures.ts'
import { createClient } from '../../src/client/create-client.ts'
import { deferred } from '../../src/runtime/time/deferred.ts'
import { MESSAGE_TYPES } from '../../src/schedules/state/messages.ts'
import { aProject } from '../support/a-project.ts'
import type { RabbitNode } from '../support/provision/rabbit.ts'
import { startTwqWorker } from '../support/twq-worker.ts'

/** The cost of a leader with many entries, and how late it sends them. */
export interface ManySchedulesReport {
  /** Shares of one core: while none is due, and while many are due each second. */
  readonly idle: number
  readonly busy: number
  /** How many were sent while many were due, and how many due times were not. */
  readonly sent: number
  readonly missing: number
  /** Milliseconds from the due time until a consumer of the task queue has the message: of 99 and of 50 in 100, and the longest. */
  readonly p99: number
  readonly p50: number
  readonly longest: number
  /** Bytes of the state with a thousand entries that were set at run time. */
  readonly stateBytes: number
}

const ENTRIES = 10_000
const A_SECOND = 50
/** Of one entry, in seconds: so many entries are due each second. */
const ROUND = ENTRIES / A_SECOND

const TASKS = `import { defineTask } from 'twq'

export const own = defineTask({ name: 'own', run: () => {} })
`

/** A leader with 10,000 entries: none of them is due for so many seconds, and then 50 are due each second. */
export async function leadManySchedules(
  node: RabbitNode,
  { type, seconds }: { readonly type: 'classic' | 'quorum'; readonly seconds: number },
): Promise<ManySchedulesReport> {
  const idle = await withLeader(node, type, { seconds, timing: "{ cron: '0 3 1 1 *', tz: 'Europe/Berlin' }" })
  const busy = await withLeader(node, type, {
    seconds,
    timing: `{ every: '${ROUND}s', startAt: new Date((index % ${ROUND}) * 1_000) }`,
  })
  const lags = [...busy.lags.values()].sort((a, b) => a - b)
  const share = (part: number): number => lags[Math.floor(lags.length * part)] ?? Number.NaN
  return {
    idle: idle.cpu,
    busy: busy.cpu,
    sent: lags.length,
    missing: busy.due - lags.length,
    p99: share(0.99),
    p50: share(0.5),
    longest: lags.at(-1) ?? Number.NaN,
    stateBytes: await stateOfThousand(node, type),
  }
}

interface Measured {
  readonly cpu: number
  readonly due: number
  /** Milliseconds by entry and due time. */
  readonly lags: ReadonlyMap<string, number>
}

async function withLeader(
  node: RabbitNode,
  type: string,
  { seconds, timing }: { readonly seconds: number; readonly timing: string },
): Promise<Measured> {
  const [namespace, tasks] = [randomUUID(), `sent-${randomUUID()}`]
  const connection = await amqp.connect(node.url())
  connection.on('error', () => {})
  const channel = await connection.createChannel()
  await channel.assertQueue(tasks, { durable: true, arguments: { 'x-queue-type': type } })
  using project = aProject({
    'tasks.ts': TASKS,
    'worker.config.ts': `const entry = (index: number) => ({ task: 'none', queue: '${tasks}', catchUp: 'all' as const, ...${timing} })
export default {
  broker: '${node.url()}',
  queues: [{ name: 'own-${namespace}', type: '${type}' }],
  tasks: ['./tasks.ts'],
  schedulesNamespace: '${namespace}',
  schedules: Object.fromEntries(Array.from({ length: ${ENTRIES} }, (_, index) => ['entry-' + index, entry(index)])),
}
`,
  })
  await using worker = await startTwqWorker({ project: project.folder })
  await worker.until('schedules.leading')
  // The due times of all entries have been counted by then.
  await sleep(10_000)
  const lags = new Map<string, number>()
  const first = (Math.floor(Date.now() / 1_000) + 1) * 1_000
  const last = first + (seconds - 1) * 1_000
  await channel.consume(
    tasks,
    (message) => {
      const now = Date.now()
      const index = Number(String(message?.properties.headers?.periodic_task_name).slice('entry-'.length))
      const due = (Math.floor((Math.floor(now / 1_000) - index) / ROUND) * ROUND + index) * 1_000
      if (due >= first && due <= last) lags.set(`${index} ${due}`, now - due)
    },
    { noAck: true },
  )
  const before = cpuTime(worker.program.pid ?? 0)
  const from = performance.now()
  await sleep(last + 1_000 - Date.now())
  const cpu = (cpuTime(worker.program.pid ?? 0) - before) / (performance.now() - from)
  await sleep(2_000)
  await connection.close()
  return { cpu, due: seconds * A_SECOND, lags }
}

async function stateOfThousand(node: RabbitNode, type: string): Promise<number> {
  const namespace = randomUUID()
  await setThousand(node, type, namespace)
  return await bytesOfState(node, `twq.schedules.${namespace}`)
}

async function setThousand(node: RabbitNode, type: string, namespace: string): Promise<void> {
  const queues = [{ name: `own-${namespace}`, type }]
  const config = { broker: node.url(), queues, schedulesNamespace: namespace, schedules: {} }
  await using worker = await startTwqWorker({ config, tasks: TASKS })
  await worker.until('schedules.leading')
  await using client = createClient({ broker: node.url(), schedulesNamespace: namespace, resultBackend: 'none' })
  for (let index = 0; index < 1_000; index += 50) {
    const setting = Array.from({ length: 50 }, (_, n) =>
      client.schedules.set(`entry-${index + n}`, {
        task: 'reports.nightly',
        args: { customer: index + n, format: 'pdf' },
        cron: '0 3 * * *',
        tz: 'Europe/Berlin',
        queue: 'reports',
        expires: '1h',
      }),
    )
    await Promise.all(setting)
  }
}

/** The bytes of the state that a worker has left in its queue, as the next leader is given it. */
async function bytesOfState(node: RabbitNode, queue: string): Promise<number> {
  const connection = await amqp.connect(node.url())
  const channel = await connection.createChannel()
  const bytes = deferred<number>()
  await channel.consume(queue, (message) => {
    if (message?.properties.type === MESSAGE_TYPES.state) bytes.resolve(message.content.length)
  })
  const found = await bytes.promise
  await connection.close()
  return found
}
