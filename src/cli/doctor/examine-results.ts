import type { Config } from '../../config/config.ts'
import { hintOf, messageOf, TwqError } from '../../errors.ts'
import { parseRedisUrl } from '../../results/redis/redis-address.ts'
import { RedisConnection } from '../../results/redis/redis-connection.ts'
import { redactUrl } from '../../runtime/text/redact-url.ts'
import { systemClock } from '../../runtime/time/clock.ts'
import { timeLimit, unlessAborted } from '../../runtime/time/time-limit.ts'
import { error, type Finding, ok } from './finding.ts'

const CHECK = 'result backend'

/** Whether results can be kept where the configuration says; a Redis is asked for a sign of life. */
export async function examineResults({ resultBackend }: Config, timeout: number): Promise<Finding> {
  if (resultBackend === 'none') return ok(CHECK, 'none: no caller gets a result')
  if (resultBackend === 'rpc') return ok(CHECK, "rpc://, on the broker, in each caller's own queue")
  const name = redactUrl(resultBackend)
  try {
    await ping(resultBackend, timeout)
    return ok(CHECK, `${name} answers`)
  } catch (thrown) {
    const why = 'No task is acknowledged before its result is stored: it is run again and again.'
    const hint = hintOf(thrown)
    return error(
      CHECK,
      `${name}: ${messageOf(thrown)}`,
      why,
      hint ?? 'Check resultBackend, and the Redis that it names',
    )
  }
}

async function ping(url: string, timeout: number): Promise<void> {
  const connection = new RedisConnection({
    address: parseRedisUrl(url),
    name: 'twq doctor',
    patience: timeout,
    clock: systemClock,
  })
  const tooLate = (): TwqError => new TwqError('TWQ_RESULT_BACKEND', `it did not answer within ${timeout} ms`)
  using limit = timeLimit({ ms: timeout, reason: tooLate })
  try {
    await unlessAborted(connection.start(), limit.signal)
    await unlessAborted(
      connection.call((client) => client.ping()),
      limit.signal,
    )
  } finally {
    await connection.stop({ deadline: AbortSignal.abort() })
  }
}
