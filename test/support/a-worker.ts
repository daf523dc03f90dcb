import { type Client, createClient } from '../../src/client/create-client.ts'
import type { UserConfig } from '../../src/config/config.ts'
import { resolveConfig } from '../../src/config/resolve-config.ts'
import { createLogger } from '../../src/runtime/log/logger.ts'
import { createRegistry } from '../../src/tasks/registry.ts'
import type { AnyTask } from '../../src/tasks/task.ts'
import { createWorker } from '../../src/worker/create-worker.ts'
import type { Worker } from '../../src/worker/lifecycle/worker.ts'
import { brokerUrl, uniqueName } from './services.ts'
import type { LogRecord } from './twq-worker.ts'
import { Journal } from './until.ts'

/** A worker in this process, on a queue of its own, with its log and a client beside it. */
export interface WorkerScene extends AsyncDisposable {
  readonly worker: Worker
  readonly client: Client
  readonly queue: string
  readonly log: Journal<LogRecord>
  /** The first log line of this event. */
  logged(event: string): Promise<LogRecord>
}

/** Starts a worker that runs `tasks`; `config` as in worker.config.ts. */
export async function aWorker(
  tasks: readonly AnyTask[],
  config: UserConfig = {},
  options: { readonly started?: boolean } = {},
): Promise<WorkerScene> {
  const [first = uniqueName('tasks')] = config.queues ?? []
  const queue = typeof first === 'string' ? first : first.name
  const broker = config.broker ?? brokerUrl()
  const log = new Journal<LogRecord>()
  const logger = createLogger({
    level: 'debug',
    format: 'json',
    destination: { write: (line) => log.push(JSON.parse(line) as LogRecord) },
  })
  const worker = createWorker({
    config: resolveConfig({
      file: {
        path: 'worker.config.ts',
        content: { nodeName: `${uniqueName('w')}@test`, queues: [queue], heartbeat: 10_000, ...config, broker },
      },
      env: {},
      baseDir: import.meta.dirname,
    }),
    registry: createRegistry(tasks),
    logger,
  })
  // A busy machine may keep a confirm waiting for longer than the ten seconds that it has by default.
  const client = createClient({
    broker: brokerUrl(),
    queue,
    queues: config.queues ?? [],
    routes: config.routes,
    publishTimeout: '60s',
  })
  if (options.started !== false) await worker.start()
  return {
    worker,
    client,
    queue,
    log,
    logged: (event) => log.until((record) => record.event === event),
    async [Symbol.asyncDispose]() {
      await client.close()
      await worker.stop('cold')
    },
  }
}
