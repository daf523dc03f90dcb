import { isIP } from 'node:net'
import type { BrokerAddress } from '../../broker/url.ts'
import type { Config } from '../../config/config.ts'
import { CONSUMER_TIMEOUT } from '../../config/consumer-timeout.ts'
import { kindOf, poolKinds } from '../../pool/kinds/all.ts'
import { resultBackendOf } from '../../results/kinds/all.ts'
import { anyOf } from '../../runtime/text/any-of.ts'
import { type Finding, ok, warning } from './finding.ts'

const MINUTE = 60_000
const SETTINGS = 'settings'
const OFF_THE_LOOP = anyOf(poolKinds.filter(({ onEventLoop }) => !onEventLoop).map(({ name }) => name))

/** The combinations of settings that work, and that people regret. */
export function judgeSettings(config: Config): readonly Finding[] {
  const { pool, prefetch, timeLimit, softTimeLimit } = config
  const concurrency = config.autoscale?.max ?? config.concurrency
  const inline = kindOf(pool).onEventLoop
  const found: Finding[] = []
  const warn = (what: string, why: string, fix: string): void => void found.push(warning(SETTINGS, what, why, fix))

  const unverified = unverifiedOf(config)
  if (unverified !== undefined) {
    warn(
      unverified,
      'TLS hides what is sent, and does not say to whom.',
      'Give the CA with ssl_ca_certs=/path/to/ca.pem',
    )
  }
  if (config.acks === 'early') {
    warn(
      "acks is 'early'",
      'A task that runs when its worker dies is lost, and so are those it has started.',
      "Set acks: 'late', and write tasks so that running twice does no harm",
    )
    if (!config.ackOnFailure || !config.ackOnTimeout) {
      warn(
        "ackOnFailure and ackOnTimeout have no effect with acks 'early'",
        'The message is gone before its task fails.',
        "Set acks: 'late', or remove them",
      )
    }
  } else if (!config.ackOnTimeout && timeLimit !== undefined) {
    warn(
      'ackOnTimeout is false',
      'A task that always runs into its time limit is run again and again, without end.',
      'Let such a task fail, and give it a retry policy, which has a limit',
    )
  }
  if (inline && timeLimit !== undefined) {
    warn(
      `timeLimit is ${seconds(timeLimit)} with the pool '${pool}'`,
      'On the event loop nothing can be ended: the task fails in time, and its code goes on.',
      `Set pool: ${OFF_THE_LOOP}, or have the tasks heed ctx.signal`,
    )
  }
  if (timeLimit !== undefined && softTimeLimit !== undefined && softTimeLimit >= timeLimit) {
    warn(
      `softTimeLimit (${seconds(softTimeLimit)}) is not below timeLimit (${seconds(timeLimit)})`,
      'The task is ended before it hears that it should stop.',
      'Give the soft limit some seconds less',
    )
  }
  if (inline && (config.maxTasksPerChild !== undefined || config.maxMemoryPerChild !== undefined)) {
    warn(
      `maxTasksPerChild and maxMemoryPerChild have no effect with the pool '${pool}'`,
      'There is nothing to replace.',
      `Set pool: ${OFF_THE_LOOP}, or remove them`,
    )
  }
  if (prefetch === 0 || prefetch > Math.max(4 * concurrency, 10)) {
    warn(
      `the worker holds ${prefetch === 0 ? 'any number of' : `up to ${prefetch}`} messages, and runs ${concurrency} at once`,
      "Other workers can't take the messages held here, and all of them come back when this worker dies.",
      'Leave prefetch to the worker, or bring it down to a small multiple of concurrency',
    )
  } else if (prefetch < concurrency) {
    warn(
      `prefetch is ${prefetch} and concurrency ${concurrency}`,
      `${concurrency - prefetch} of the places stay empty, since no more messages are taken than prefetch says.`,
      'Leave prefetch to the worker',
    )
  }
  if (config.heartbeat === 0 || config.heartbeat > MINUTE) {
    warn(
      config.heartbeat === 0 ? 'heartbeat is off' : `heartbeat is ${seconds(config.heartbeat)}`,
      'A connection that died without a word is noticed late or never, and load balancers cut idle ones.',
      "Set heartbeat: '10s'",
    )
  }
  if (config.unknownTask === 'discard') {
    warn(
      "unknownTask is 'discard'",
      'A message for a task that is not deployed yet, or not any more, is lost.',
      "Set unknownTask: 'quarantine'",
    )
  }
  return found.length > 0 ? found : [ok(SETTINGS, 'no combination of settings that people regret')]
}

/** The longest that a task may hold its message, against what the broker allows. `limits` are the tasks' own hard limits, in milliseconds. */
export function judgeConsumerTimeout(config: Config, limits: readonly number[]): Finding {
  const check = 'consumer_timeout'
  const find = "rabbitmqctl eval 'application:get_env(rabbit, consumer_timeout).'"
  const longest = Math.max(config.timeLimit ?? 0, ...limits)
  if (config.acks === 'late' && longest > CONSUMER_TIMEOUT) {
    return warning(
      check,
      `a task may run for ${longest / MINUTE} minutes before its message is acknowledged`,
      'RabbitMQ takes a message back that is not acknowledged within its consumer_timeout, 30 minutes unless configured, and the task runs a second time. AMQP does not tell what it is.',
      `See what it is: ${find}\nRaise it on the broker, or split the task`,
    )
  }
  const none = config.timeLimit === undefined ? 'tasks without a time limit of their own' : 'no task'
  return ok(check, `30 minutes unless configured (AMQP does not tell); ${none} may run longer. See: ${find}`)
}

/** Judges the broker's address. */
export function judgeAddress({ host, user, tls }: BrokerAddress): readonly Finding[] {
  if (isLocal(host)) return []
  const found: Finding[] = []
  if (user === 'guest') {
    found.push(
      warning(
        'broker user',
        `guest on the remote host ${host}`,
        'Everybody knows its password, and RabbitMQ lets it log in from localhost only, unless configured otherwise.',
        "rabbitmqctl add_user worker <password>\nrabbitmqctl set_permissions worker '.*' '.*' '.*'",
      ),
    )
  }
  if (!tls) {
    found.push(
      warning(
        'broker tls',
        `the connection to ${host} is not encrypted`,
        'The password and every message can be read on the way.',
        'Use amqps:// where the network is not your own',
      ),
    )
  }
  return found
}

function isLocal(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

function seconds(ms: number): string {
  return `${ms / 1_000} s`
}

function unverifiedOf({ resultBackend }: Config): string | undefined {
  try {
    return resultBackendOf(resultBackend).unverifiedTls
  } catch {
    // One that can't be used is found elsewhere.
    return undefined
  }
}
