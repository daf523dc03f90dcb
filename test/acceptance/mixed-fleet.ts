import { randomUUID } from 'node:crypto'
import { type Client, createClient } from '../../src/client/create-client.ts'
import { ClusterState } from '../../src/events/cluster-state.ts'
import { Program, readyOrClosed } from '../support/program.ts'
import { messagesIn, pythonScript, runPython, type Scene, startWorker } from './scene.ts'

/** What became of tasks that a mixed fleet ran. */
export interface FleetReport {
  /** Tasks that were sent, and those of them that ended well by their events. */
  readonly sent: number
  readonly succeeded: number
  /** Tasks of which an event is missing: received, started or succeeded. */
  readonly incomplete: readonly string[]
  /** Tasks that nobody sent, and events more than one of each kind a task. */
  readonly phantom: number
  readonly surplus: number
  /** How many tasks each worker ended. */
  readonly shares: Readonly<Record<string, number>>
  /** Events that the observer could not hold. */
  readonly dropped: number
  readonly left: number
}

const LIFE = ['task-received', 'task-started', 'task-succeeded'] as const
// After this it is reported what is missing.
const PATIENCE = 900_000
// Sends under way at once.
const BATCH = 100

/** Two workers in Python and two of ours on one queue run `tasks`, half sent from Python and half from TypeScript. */
export async function runFleet(scene: Scene, { tasks }: { readonly tasks: number }): Promise<FleetReport> {
  const queue = `fleet-${randomUUID()}`
  await using client = createClient({ broker: scene.url, queue, resultBackend: 'none', publishTimeout: '2m' })
  await using stream = client.events({ mostWaiting: 1_000_000, signal: AbortSignal.timeout(PATIENCE) })
  await stream.ready
  await using _python1 = await startPythonWorker(scene, queue, 'python1@fleet')
  await using _python2 = await startPythonWorker(scene, queue, 'python2@fleet')
  await using _twq1 = await startWorker(scene, { queue, flags: ['--hostname', 'twq1@fleet', '-E'] })
  await using _twq2 = await startWorker(scene, { queue, flags: ['--hostname', 'twq2@fleet', '-E'] })

  const half = Math.floor(tasks / 2)
  const sending = Promise.all([
    runPython(scene, 'send_many.py', scene.url, queue, 'acceptance.work', String(half), '0'),
    sendMany(client, tasks - half),
  ])
  const lives = new Map<string, Map<string, number>>()
  const cluster = new ClusterState({ tasks: 2 * tasks })
  let ended = 0
  for await (const event of stream) {
    cluster.apply(event)
    if (event.uuid === undefined) continue
    const life = lives.get(event.uuid) ?? new Map<string, number>()
    lives.set(event.uuid, life.set(event.type, (life.get(event.type) ?? 0) + 1))
    if (event.type === 'task-succeeded') ended += 1
    if (ended === tasks) break
  }
  const [fromPython, fromHere] = await sending
  const ids = new Set([...fromPython.trim().split('\n'), ...fromHere])
  const views = [...cluster.tasks.values()].filter(({ uuid }) => ids.has(uuid))
  const shares: Record<string, number> = {}
  for (const { worker = '?' } of views) shares[worker] = (shares[worker] ?? 0) + 1
  return {
    sent: ids.size,
    succeeded: views.filter(({ state }) => state === 'SUCCESS').length,
    incomplete: [...ids].filter((id) => !LIFE.every((type) => lives.get(id)?.has(type))),
    phantom: [...lives.keys()].filter((id) => !ids.has(id)).length,
    surplus: [...lives.values()].flatMap((life) => [...life.values()]).filter((count) => count > 1).length,
    shares,
    dropped: stream.dropped,
    left: await messagesIn(scene.url, queue),
  }
}

async function sendMany(client: Client, count: number): Promise<readonly string[]> {
  const ids: string[] = []
  while (ids.length < count) {
    const batch = Array.from({ length: Math.min(BATCH, count - ids.length) }, () => client.send('acceptance.work', [0]))
    ids.push(...(await Promise.all(batch)).map(({ id }) => id))
  }
  return ids
}

async function startPythonWorker({ url, python }: Scene, queue: string, node: string): Promise<Program> {
  const args = ['-m', 'celery', '-A', 'fleet', 'worker', '--pool', 'solo', '--hostname', node, '--loglevel', 'INFO']
  const worker = new Program(python.command, args, {
    cwd: pythonScript('.'),
    env: { ...python.env, URL: url, QUEUE: queue },
  })
  await readyOrClosed(worker, worker.until(/ ready\.$/))
  return worker
}
