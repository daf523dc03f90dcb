import { createMemoryBroker, type MemoryBroker } from '../broker/memory/broker.ts'
import { type Client, createClientOf } from '../client/create-client.ts'
import type { UserConfig } from '../config/config.ts'
import { resolveConfig } from '../config/resolve-config.ts'
import { TwqError } from '../errors.ts'
import { kindOf, poolKinds } from '../pool/kinds/all.ts'
import { knownResultBackends } from '../results/kinds/all.ts'
import { createLogger, type Logger } from '../runtime/log/logger.ts'
import { anyOf } from '../runtime/text/any-of.ts'
import { type Deferred, deferred } from '../runtime/time/deferred.ts'
import { ManualClock } from '../runtime/time/manual-clock.ts'
import type { Outcome } from '../tasks/attempt/outcome.ts'
import type { Plugin } from '../tasks/plugin.ts'
import { createRegistry } from '../tasks/registry.ts'
import type { AnyTask } from '../tasks/task.ts'
import { createWorker } from '../worker/create-worker.ts'
import type { Worker } from '../worker/lifecycle/worker.ts'

/** The options of a worker in a test. */
export interface TestWorkerOptions {
  /** The tasks it runs. */
  readonly tasks: readonly AnyTask[]
  /** As in `worker.config.ts`; the pool is `async` or `solo`. */
  readonly config?: UserConfig
  /** Plugins of the worker and of the client, after those of `config`. */
  readonly plugins?: readonly Plugin[]
  /** Receives the worker's log; by default it is discarded. */
  readonly logger?: Logger
  /** A broker shared by several workers. */
  readonly broker?: MemoryBroker
  readonly clock?: ManualClock
}

/** A real worker and a real client with a broker in this process, in virtual time. */
export interface TestWorker extends AsyncDisposable {
  readonly worker: Worker
  readonly client: Client
  readonly broker: MemoryBroker
  /** Advances the time of the worker, the client and the broker: `await clock.pass('1h')`. */
  readonly clock: ManualClock
  /** How many messages of a queue wait in the broker; messages that the worker holds do not count. */
  waiting(queue?: string): Promise<number>
}

const ON_THE_LOOP = poolKinds.filter(({ onEventLoop }) => onEventLoop).map(({ name }) => name)

const ENDINGS = new WeakMap<TestWorker, Endings>()

/**
 * Starts a worker on a broker in this process. Nothing waits for real time: delays, retries, limits and rates use the clock,
 * which only the test advances. Throws `TWQ_CONFIG` for an invalid configuration, or one that asks for threads or processes,
 * which have a clock of their own.
 */
export async function startTestWorker(options: TestWorkerOptions): Promise<TestWorker> {
  const clock = options.clock ?? new ManualClock(Date.now())
  const broker = options.broker ?? createMemoryBroker({ clock })
  const endings = new Endings()
  // No health checks are needed here, and each is a timer.
  const quiet: UserConfig = { nodeName: `test-${++started}@testing`, workerEvents: false, heartbeat: '1h' }
  const plugins = [...(options.config?.plugins ?? []), ...(options.plugins ?? [])]
  const content: UserConfig = { ...quiet, ...options.config, plugins }
  const config = resolveConfig({
    file: { path: 'the test', content },
    env: {},
    resultBackends: knownResultBackends,
    baseDir: process.cwd(),
  })
  if (!kindOf(config.pool).onEventLoop) {
    throw new TwqError('TWQ_CONFIG', `a worker in a test runs its tasks on the event loop, not in ${config.pool}`, {
      hint: `Leave pool out, or set it to ${anyOf(ON_THE_LOOP)}`,
    })
  }
  const worker = createWorker({
    config,
    registry: createRegistry(options.tasks),
    logger: options.logger ?? createLogger({ level: 'fatal', format: 'json', destination: { write() {} } }),
    clock,
    broker,
    watched: false,
    observer: { settled: ({ message }, outcome) => endings.settled(message.id, outcome) },
  })
  const { resultBackend, resultKeyPrefix } = config
  const queue = config.queues[0]?.name ?? 'celery'
  const queues = content.queues ?? []
  const client = createClientOf(broker, clock, { queue, queues, plugins, resultBackend, resultKeyPrefix })
  await worker.start()
  const scene: TestWorker = {
    worker,
    client,
    broker,
    clock,
    async waiting(name = queue) {
      await using connection = await broker.connect()
      await using channel = await connection.openChannel()
      return (await channel.inspectQueue(name)).messages
    },
    async [Symbol.asyncDispose]() {
      await client.close()
      await worker.stop('cold')
      endings.close()
    },
  }
  ENDINGS.set(scene, endings)
  return scene
}

/**
 * Resolves with the outcome of the next attempt of task `id` to be settled: its consequences are confirmed by the broker, and its
 * message is acknowledged. One settled before the call counts, once. Rejects if the worker stops first.
 */
export function until(scene: TestWorker, _moment: 'settled', id: string): Promise<Outcome> {
  const endings = ENDINGS.get(scene)
  if (endings === undefined) throw new TwqError('TWQ_USAGE', 'until takes what startTestWorker resolves with')
  return endings.next(id)
}

let started = 0

/** The outcomes that were not requested yet, and the requests for outcomes to come. */
class Endings {
  readonly #unheard = new Map<string, Outcome[]>()
  readonly #awaited = new Map<string, Deferred<Outcome>[]>()

  settled(id: string, outcome: Outcome): void {
    const waiting = this.#awaited.get(id)?.shift()
    if (waiting !== undefined) waiting.resolve(outcome)
    else this.#unheard.set(id, [...(this.#unheard.get(id) ?? []), outcome])
  }

  next(id: string): Promise<Outcome> {
    const earlier = this.#unheard.get(id)?.shift()
    if (earlier !== undefined) return Promise.resolve(earlier)
    const waiting = deferred<Outcome>()
    this.#awaited.set(id, [...(this.#awaited.get(id) ?? []), waiting])
    return waiting.promise
  }

  close(): void {
    for (const [id, waiting] of this.#awaited) {
      const error = new TwqError('TWQ_CLOSED', `the worker stopped before the task ${id} was settled`)
      for (const one of waiting) one.reject(error)
    }
  }
}
