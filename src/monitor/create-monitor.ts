import type { IncomingMessage, ServerResponse } from 'node:http'
import { amqpBroker } from '../broker/amqp/amqp-broker.ts'
import type { Broker } from '../broker/broker.ts'
import { createSession } from '../broker/session.ts'
import { brokerOf, heartbeatOf } from '../client/client-options.ts'
import { createClient, createClientOf } from '../client/create-client.ts'
import { TwqError } from '../errors.ts'
import { managementApi } from '../queues/management.ts'
import type { ResultBackendDefinition } from '../results/definition.ts'
import { resultBackendOf } from '../results/kinds/all.ts'
import type { EventLogger } from '../runtime/log/logger.ts'
import { type Clock, systemClock } from '../runtime/time/clock.ts'
import { Audit } from './actions/audit.ts'
import { Failures, type FindTask } from './actions/failures.ts'
import { Quarantines } from './actions/quarantine.ts'
import type { Refusal } from './answers/session.ts'
import { monitorApp } from './api/app.ts'
import { KeptResults } from './api/kept-result.ts'
import { Keeper, type Kept, openKept } from './archive/keeper.ts'
import { givenAccess } from './auth/given-access.ts'
import type { Access } from './auth/visitor.ts'
import { Changes } from './feed/changes.ts'
import { Feed } from './feed/feed.ts'
import { checked, type MonitorOptions } from './monitor-options.ts'
import { nodeListener } from './node-listener.ts'
import { MonitorStore } from './store/monitor-store.ts'

/** The monitor as part of a web server. */
export interface Monitor extends AsyncDisposable {
  /**
   * Resolves once it listens and, with `store`, the file is open. Rejects with `TWQ_CONFIG` if the file can't be used: then every
   * request gets a 503.
   */
  readonly ready: Promise<void>
  /** Answers a request: for Hono, Next and others that use the Fetch API. Never rejects. Requests before `ready` wait for it. */
  fetch(request: Request): Promise<Response>
  /**
   * Answers a request of Node's `http`: `app.use('/twq', monitor.node)` in Express and Nest, or a route in Fastify. A JSON body
   * may already be parsed.
   */
  readonly node: (request: IncomingMessage, response: ServerResponse) => void
  /**
   * Ends the streams of open pages and the connections to the broker; writes pending data, and closes the file. Requests from then
   * on get a 503; a second call joins the first.
   */
  close(): Promise<void>
}

/**
 * Creates a monitor, which listens to the broker's events from now on, even if the broker is not reachable yet; with `store`,
 * once the file is open. Throws `TWQ_CONFIG` for invalid options, and without `authorize`.
 */
export function createMonitor(options: MonitorOptions): Monitor {
  const { authorize } = options
  if (typeof authorize !== 'function') {
    throw new TwqError('TWQ_CONFIG', 'createMonitor needs `authorize`: without it everybody could look, and act', {
      hint: 'authorize: (request) => ({ name: "ada", rights: ["view"] }), and undefined for those who may not',
    })
  }
  const monitor = createMonitorOf(options, givenAccess(authorize, options.allowControl === true))
  const logger: EventLogger | undefined = options.logger
  monitor.ready.catch((err: unknown) => {
    logger?.error({ event: 'monitor.not-opened', err }, 'the store cannot be used, and nothing is served')
  })
  return monitor
}

/**
 * The options of a monitor with another way to identify visitors; its results may be stored by a custom backend from the
 * configuration.
 */
export type WatchOptions = Omit<MonitorOptions, 'authorize' | 'resultBackend'> & {
  readonly resultBackend?: string | ResultBackendDefinition
  /** Looks up tasks to check edited arguments, instead of `tasks`. Called only with `allowControl`. */
  readonly findTask?: FindTask
}

/** Further options for tests. */
export interface Given {
  readonly broker?: Broker
  readonly clock?: Clock
}

/** A monitor with another way to identify visitors and, in tests, with a given broker. */
export function createMonitorOf(options: WatchOptions, access: Access, given: Given = {}): Monitor {
  const begin = prepare(options, access, given)
  const { store } = checked(options)
  const running = store === undefined ? Promise.resolve(begin(undefined)) : openKept(store).then(begin)
  const ready = running.then(() => {})
  // Handles the rejection: callers who do not await `ready` find the error in the log and in the 503 answers.
  ready.catch(() => {})
  let closed: Promise<void> | undefined
  const close = (): Promise<void> => {
    closed ??= running.then(
      (monitor) => monitor.close(),
      () => {},
    )
    return closed
  }
  const answer = async (request: Request): Promise<Response> => {
    if (closed !== undefined) return Response.json(CLOSED, { status: 503 })
    const monitor = await running.catch(() => undefined)
    return monitor === undefined ? Response.json(NOT_OPENED, { status: 503 }) : await monitor.answer(request)
  }
  return {
    ready,
    fetch: answer,
    node: nodeListener(answer),
    close,
    [Symbol.asyncDispose]: close,
  }
}

const CLOSED: Refusal = { error: 'this monitor was closed' }
const NOT_OPENED: Refusal = { error: 'the store of the monitor cannot be used: its log says why' }

interface Running {
  answer(request: Request): Promise<Response>
  close(): Promise<void>
}

/** Throws `TWQ_CONFIG` for invalid options; the returned function connects and starts, with the stored data. */
function prepare(options: WatchOptions, access: Access, given: Given): (kept: Kept | undefined) => Running {
  const { hide, hidden, basePath, hosts, queues } = checked(options)
  const { clock = systemClock } = given
  const logger: EventLogger | undefined = options.logger
  const { resultBackend = 'none', resultKeyPrefix, schedulesNamespace, enableTaskEvents = false } = options
  const tasks = new Map(options.tasks?.map((task) => [task.name, task]))
  const { findTask = async (name) => tasks.get(name) } = options
  const definition = resultBackendOf(resultBackend)
  definition.requirePackages?.()
  if (definition.unverifiedTls !== undefined) logger?.warn({ event: 'tls.unverified' }, definition.unverifiedTls)
  const results = KeptResults.of({ definition, keyPrefix: resultKeyPrefix ?? '', clock, logger })
  const clientOptions = {
    resultBackend: 'none',
    ...(schedulesNamespace !== undefined && { schedulesNamespace }),
  }
  const url = given.broker === undefined ? brokerOf(options) : ''
  const broker = given.broker ?? amqpBroker({ url, heartbeat: heartbeatOf(options), name: 'twq monitor' })
  const management = options.management === undefined ? undefined : managementApi(options.management, url, 5_000)
  const client =
    given.broker === undefined
      ? createClient({ ...clientOptions, broker: url })
      : createClientOf(given.broker, clock, clientOptions)
  const now = () => clock.now() / 1000

  return (kept) => {
    const session = createSession({ broker, name: 'monitor', clock, random: Math.random })
    const changes = new Changes()
    const store = new MonitorStore(now(), { before: kept?.facts })
    if (kept !== undefined) store.restore(kept.recent, kept.steps)
    const before = kept?.facts
    const feed = new Feed({ session, clock, store, changes, queues, management, enableTaskEvents, logger, before })
    const acted = () => {
      changes.touch('audit')
      // Actions are written to the file soon, so that they survive SIGKILL.
      void keeper?.flush()
    }
    const audit = new Audit(now, logger, acted, kept && { since: store.since, entries: kept.audit })
    const keeper = kept && new Keeper({ archive: kept.archive, store, audit, link: feed.link, hide, clock, logger })
    const quarantines = new Quarantines(session, clock, hide)
    const failures = new Failures(
      session,
      clock,
      hide,
      options.allowControl === true ? findTask : async () => undefined,
    )
    const { app, streams } = monitorApp({
      ...{ store, feed, changes, session, client, results, audit, quarantines, failures, keeper },
      ...{ access, hide, hidden, hosts, basePath, clock, logger },
    })
    feed.start()
    return {
      answer: async (request) => app.fetch(request),
      close: async () => {
        streams.close()
        await Promise.all([feed.close(), client.close(), results?.[Symbol.asyncDispose]()])
        await keeper?.close()
      },
    }
  }
}
