import { parseBrokerUrl } from '../broker/url.ts'
import { TwqError } from '../errors.ts'
import { type SendHooks, sendHooks } from '../plugins/send-hooks.ts'
import { readQueue } from '../protocol/queue/queue-settings.ts'
import { isPriority, routeProblems } from '../protocol/queue/routes.ts'
import { resultBackendOf } from '../results/kinds/all.ts'
import { ResultReading } from '../results/result-reading.ts'
import { DEFAULT_BROKER } from '../runtime/default-broker.ts'
import type { EventLogger } from '../runtime/log/logger.ts'
import { shownValue } from '../runtime/text/shown-value.ts'
import type { Clock } from '../runtime/time/clock.ts'
import { parseDuration } from '../runtime/time/duration.ts'
import { createRouter, type Router } from '../sending/router.ts'
import { pluginProblems } from '../tasks/plugin-problems.ts'
import type { ClientOptions } from './client.ts'
import type { ConnectionSettings } from './connection.ts'

/** How long one request to a result backend is retried, in milliseconds. */
const PATIENCE = 10_000

/** Parses the options of a client, except its broker and its routes. Throws `TWQ_CONFIG` for invalid ones. */
export function settingsOf(options: ClientOptions, router: Router, clock: Clock): ConnectionSettings {
  return {
    results: resultsOf(options, clock),
    router,
    clock,
    publishTimeout: milliseconds('publishTimeout', options.publishTimeout, 10_000),
    holdFor: options.holdFor === null ? undefined : milliseconds('holdFor', options.holdFor, 600_000),
    delayedQueueType: options.delayedQueueType ?? 'quorum',
    schedulesNamespace: namespaceOf(options),
  }
}

/** The sources of the broker's URL if the options have none, as for the commands: the first that is set. */
const BROKER_NAMES = ['TWQ_BROKER', 'CELERY_BROKER_URL']

/** The broker's URL of a client. Throws `TWQ_CONFIG` for an invalid one, and names its source. */
export function brokerOf(
  { broker }: ClientOptions,
  env: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const name = broker === undefined ? BROKER_NAMES.find((key) => (env[key] ?? '') !== '') : 'broker'
  const url: unknown = broker ?? (name === undefined ? DEFAULT_BROKER : env[name])
  const hint = "Give createClient a broker like 'amqp://user:password@host:5672//', or set TWQ_BROKER"
  if (typeof url !== 'string' || broker === null) {
    throw new TwqError('TWQ_CONFIG', `broker must be a URL, got ${broker === null ? 'null' : typeof url}`, { hint })
  }
  try {
    parseBrokerUrl(url)
  } catch (error) {
    if (!TwqError.is(error, 'TWQ_CONFIG')) throw error
    throw new TwqError('TWQ_CONFIG', `${name ?? 'broker'}: ${error.message}`, { hint: error.hint ?? hint })
  }
  return url
}

/** Milliseconds between two AMQP heartbeats. Throws `TWQ_CONFIG`. */
export function heartbeatOf({ heartbeat }: ClientOptions): number {
  return milliseconds('heartbeat', heartbeat, 10_000)
}

/** The hooks around the sends of a client, if any. Throws `TWQ_CONFIG` for an invalid list of plugins. */
export function hooksOf(
  { plugins = [] }: ClientOptions,
  { publishTimeout, clock }: ConnectionSettings,
): SendHooks | undefined {
  const problems = pluginProblems(plugins)
  if (problems.length > 0) throw new TwqError('TWQ_CONFIG', problems.map((problem) => `plugins${problem}`).join('\n'))
  return sendHooks({ plugins, publishTimeout, clock })
}

/** Where a client sends tasks. Throws `TWQ_CONFIG` with all problems. */
export function routerOf({ queue = 'celery', queues = [], routes, priority }: ClientOptions): Router {
  const readings = queues.map(readQueue)
  const problems = [
    ...readings.flatMap((reading, index) =>
      reading.kind === 'queue' ? [] : reading.problems.map((problem) => `queues[${index}]${problem}`),
    ),
    ...(routes === undefined ? [] : routeProblems(routes).map((problem) => `routes${problem}`)),
    ...(priority === undefined || isPriority(priority) ? [] : ['priority must be a whole number from 0 to 255']),
  ]
  if (problems.length > 0) throw new TwqError('TWQ_CONFIG', problems.join('\n'))
  const known = readings.flatMap((reading) => (reading.kind === 'queue' ? [reading.queue] : []))
  return createRouter({ queues: known, routes, defaultQueue: queue, defaultPriority: priority })
}

function namespaceOf({ schedulesNamespace = 'default' }: ClientOptions): string {
  if (typeof schedulesNamespace === 'string' && /^[\w.-]{1,100}$/.test(schedulesNamespace)) return schedulesNamespace
  throw new TwqError('TWQ_CONFIG', 'schedulesNamespace must be 1 to 100 letters, digits, dots, dashes and underscores')
}

function resultsOf(
  { resultBackend = 'rpc://', resultKeyPrefix = '', logger }: ClientOptions,
  clock: Clock,
): ResultReading {
  const backend = resultBackendOf(resultBackend)
  backend.requirePackages?.()
  if (backend.unverifiedTls !== undefined) warnOfUnverifiedTls(backend.unverifiedTls, logger)
  return new ResultReading(backend, { keyPrefix: resultKeyPrefix, patience: PATIENCE, clock, logger })
}

/** Without a logger it is a process warning, like Node's for `NODE_TLS_REJECT_UNAUTHORIZED=0`. */
function warnOfUnverifiedTls(unverified: string, logger: EventLogger | undefined): void {
  if (logger === undefined) process.emitWarning(unverified, { code: 'TWQ_TLS_UNVERIFIED' })
  else logger.warn({ event: 'tls.unverified' }, unverified)
}

function milliseconds(key: string, value: number | string | undefined, fallback: number): number {
  if (value === undefined) return fallback
  const parsed = parseDuration(value)
  if (parsed !== undefined) return parsed
  throw new TwqError('TWQ_CONFIG', `${key} must be milliseconds or a duration like '10s', got ${shownValue(value)}`)
}
