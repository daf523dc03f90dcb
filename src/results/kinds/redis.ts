import { TwqError } from '../../errors.ts'
import { redactUrl } from '../../runtime/text/redact-url.ts'
import { systemClock } from '../../runtime/time/clock.ts'
import { timeLimit, unlessAborted } from '../../runtime/time/time-limit.ts'
import type { ResultBackendKind } from '../definition.ts'
import { isRedisUrl, parseRedisUrl, type RedisAddress, unverifiedTls } from '../redis/redis-address.ts'
import { requireIoredis } from '../redis/redis-client.ts'
import { RedisConnection } from '../redis/redis-connection.ts'
import { redisKeys } from '../redis/redis-keys.ts'
import { RedisReader } from '../redis/redis-reader.ts'
import { RedisResults } from '../redis/redis-results.ts'

// What Celery shows in place of a password.
const MASK = '********'

/** `redis://` and variants: results are stored in Redis under Celery's keys (wire specification 4.4). */
export const redis: ResultBackendKind = {
  form: "a URL like 'redis://:password@host:6379/0'",
  matches: isRedisUrl,
  define(url) {
    const address = parseRedisUrl(url)
    const shown = redactUrl(url)
    return {
      shown,
      product: 'Redis',
      celeryName: redactUrl(url, MASK),
      unverifiedTls: unverifiedTls(address),
      requirePackages: requireIoredis,
      openBackend({ node, expires, extended, keyPrefix, patience, clock, logger }) {
        const connection = new RedisConnection({ address, name: node, patience, clock, logger })
        return new RedisResults({ connection, keys: redisKeys(keyPrefix), expires, extended, node, clock })
      },
      openReader: (parts) => new RedisReader(address, parts),
      async examine(timeout) {
        await ping(address, timeout)
        return `${shown} answers`
      },
    }
  },
}

async function ping(address: RedisAddress, timeout: number): Promise<void> {
  const connection = new RedisConnection({ address, name: 'twq doctor', patience: timeout, clock: systemClock })
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
