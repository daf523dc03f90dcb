import { parseBrokerUrl } from '../../broker/url.ts'
import type { Config } from '../../config/config.ts'
import { allows } from '../../config/options/control-policy.ts'
import type {
  AutoscaleControls,
  EventControls,
  QueueControls,
  RequestView,
  WorkerView,
} from '../../control/worker-view.ts'
import { messageOf } from '../../errors.ts'
import type { Pool } from '../../pool/pool.ts'
import type { LamportClock } from '../../protocol/remote/lamport-clock.ts'
import type { TaskMessage } from '../../protocol/task-message.ts'
import type { ResultBackend } from '../../results/backend.ts'
import type { Json, JsonObject } from '../../runtime/json.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import { packageVersion } from '../../runtime/own-package.ts'
import type { TaskRegistry } from '../../tasks/registry.ts'
import type { AttemptLimits } from '../request/attempt-limits.ts'
import type { Prefetch } from '../request/prefetch.ts'
import type { Request, RequestState } from '../request/request.ts'
import type { RequestTable } from '../request/request-table.ts'
import { type Revocations, stampValues } from '../request/revocations.ts'
import type { TaskCounters } from '../request/task-counters.ts'
import type { PoolSize } from '../run/pool-size.ts'
import type { RateLimits } from '../waiting/rate-limits.ts'
import { celeryConf, celeryDefaults } from './celery-conf.ts'
import { celeryTaskAttributes } from './task-attributes.ts'

/** The live parts that remote control reads. */
export interface ViewParts {
  readonly config: Config
  readonly registry: TaskRegistry
  readonly table: RequestTable
  readonly taskCounters: TaskCounters
  readonly revocations: Revocations
  readonly results: Pick<ResultBackend, 'storeRevoked'>
  readonly rateLimits: RateLimits
  readonly prefetch: Prefetch
  readonly lamport: LamportClock
  readonly pool: Pick<Pool, 'kind' | 'stats'>
  readonly poolSize: PoolSize
  readonly autoscaler: AutoscaleControls | undefined
  readonly attemptLimits: AttemptLimits
  readonly events: EventControls
  readonly queues: QueueControls
  readonly shutDown: () => void
  readonly logger: EventLogger
}

/** What remote control can read and change of a worker. */
export function workerView(parts: ViewParts): WorkerView {
  const { config, registry, table, taskCounters, revocations, prefetch, lamport, pool } = parts
  // The configuration's queues are declared as configured, even after they were removed.
  const configured = parts.queues.all()
  // As they were written, if changed since the start.
  const rateTexts = new Map<string, Json>()
  const inState = (state: RequestState): RequestView[] => table.inState(state).map(requestView)
  return {
    node: config.nodeName,
    pid: process.pid,
    events: parts.events,
    get clock() {
      return lamport.value
    },
    queues: parts.queues,
    broker: brokerInfo(config),
    conf: celeryConf(config),
    confDefaults: celeryDefaults(),
    software: `twq:${packageVersion()} node:${process.versions.node}`,
    tasks: () =>
      registry.names().flatMap((name) => {
        const task = registry.get(name)
        return task === undefined ? [] : [{ name, attributes: celeryTaskAttributes(task, config, rateTexts.get(name)) }]
      }),
    active: () => inState('active'),
    reserved: () => inState('reserved'),
    scheduled: () => inState('held'),
    limited: () => inState('limited'),
    settling: () => inState('settling'),
    stats: () => ({
      total: taskCounters.total(),
      uptime: Math.floor(taskCounters.uptime / 1000),
      prefetch: prefetch.count,
      pool: {
        kind: pool.kind,
        concurrency: parts.poolSize.size,
        processes: pool.stats?.().pids ?? [process.pid],
      },
    }),
    revoke(ids) {
      revocations.revoke(ids)
      parts.results.storeRevoked?.(ids).catch((error: unknown) => {
        const fields = { event: 'results.revoked-unstored' as const, tasks: ids.length, error: messageOf(error) }
        parts.logger.warn(fields, 'tasks are revoked, and the result backend could not be told of all of them')
      })
    },
    learnRevoked: (ids) => revocations.revoke(ids),
    revokeStamped: (stamps) => revocations.revokeStamped(stamps),
    revoked: () => revocations.ids(),
    terminate(matches, signum) {
      const ended = table.all().filter(({ message }) => matches({ id: message.id, stamps: stampsOf(message) }))
      // Tasks that do not run yet are refused when they are about to start.
      for (const request of ended) if (request.state === 'active') request.terminate(signum)
      return ended.map(({ message }) => message.id)
    },
    limitRate(task, rate, text) {
      if (registry.get(task) === undefined) return false
      rateTexts.set(task, rate === 0 ? null : text)
      parts.rateLimits.change(task, rate)
      return true
    },
    takesRevocations: allows(config.control, 'revoke'),
    limitTime: (task, limits) => parts.attemptLimits.change(task, limits),
    resizePool: (change) => parts.poolSize.change(change),
    restartPool() {
      if (!config.poolRestarts) throw new Error("ValueError('Pool restarts not enabled')")
      parts.poolSize.restart()
    },
    consume(queue) {
      const known = configured.find(({ name }) => name === queue.name)
      parts.queues.add(known ?? queue).catch((error: unknown) => {
        const fields = { event: 'queue.refused' as const, queue: queue.name, error: messageOf(error) }
        parts.logger.error(fields, "a queue that remote control named can't be consumed")
      })
    },
    leave: (queue) => void parts.queues.remove(queue),
    autoscaler: parts.autoscaler,
    shutDown: parts.shutDown,
    tick: () => lamport.tick(),
  }
}

function stampsOf({ stampedHeaders, stamps }: TaskMessage): Record<string, string[]> {
  return Object.fromEntries((stampedHeaders ?? []).map((name) => [name, stampValues(stamps[name])]))
}

function requestView(request: Request): RequestView {
  const { message, delivery } = request
  return {
    id: message.id,
    name: message.shadow ?? message.task,
    type: message.task,
    args: message.args,
    kwargs: message.kwargs,
    argsRepr: message.argsRepr,
    kwargsRepr: message.kwargsRepr,
    eta: message.eta,
    etaMicroseconds: microseconds(delivery.headers.eta),
    startedAt: request.startedAt,
    acknowledged: request.acknowledged,
    exchange: delivery.route.exchange,
    routingKey: delivery.route.routingKey,
    priority: message.priority,
    redelivered: request.invocation.redelivered,
  }
}

/** The digits of a time after its milliseconds: `.227` ms of `…:37.119227+00:00`. */
function microseconds(eta: unknown): number {
  const digits = typeof eta === 'string' ? /\.\d{3}(\d{1,3})/.exec(eta)?.[1] : undefined
  return digits === undefined ? 0 : Number(digits.padEnd(3, '0'))
}

/** The broker by kombu's names (wire specification 7.3, `stats`). */
function brokerInfo(config: Config): JsonObject {
  const [address] = parseBrokerUrl(config.broker)
  return {
    hostname: address?.host ?? null,
    userid: address?.user ?? null,
    virtual_host: address?.vhost ?? null,
    port: address?.port ?? null,
    insist: false,
    ssl: address?.tls === true,
    transport: 'amqp',
    connect_timeout: 10,
    transport_options: {},
    login_method: 'PLAIN',
    credential_provider: null,
    uri_prefix: null,
    heartbeat: config.heartbeat / 1000,
    failover_strategy: 'round-robin',
    alternates: [],
  }
}
