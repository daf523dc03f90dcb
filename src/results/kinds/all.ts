import type { Publisher } from '../../broker/publisher.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import type { ResultBackend } from '../backend.ts'
import { parseRedisUrl, unverifiedTls } from '../redis/redis-address.ts'
import { RedisConnection } from '../redis/redis-connection.ts'
import { redisKeys } from '../redis/redis-keys.ts'
import { RedisResults } from '../redis/redis-results.ts'
import { RpcResults } from '../rpc/rpc-results.ts'
import { noResults } from './none.ts'

/** What backends work with. Times in milliseconds. */
export interface BackendParts {
  readonly publisher: Publisher
  readonly node: string
  readonly expires: number
  readonly extended: boolean
  readonly keyPrefix: string
  readonly patience: number
  /** Aborts when the worker begins to leave. */
  readonly leaving: AbortSignal
  readonly clock: Clock
  readonly logger: EventLogger
}

/**
 * The backend that the configuration names: `rpc`, `none`, or the URL of a Redis. Warns of one whose certificate is not verified. Throws
 * `TWQ_CONFIG` for an unusable URL.
 */
export function openBackend(backend: string, parts: BackendParts): ResultBackend {
  const { publisher, node, expires, extended, patience, leaving, clock, logger } = parts
  switch (backend) {
    case 'rpc':
      return new RpcResults(publisher, clock, leaving)
    case 'none':
      return noResults
    default: {
      const unverified = unverifiedTls(backend)
      if (unverified !== undefined) logger.warn({ event: 'tls.unverified' }, unverified)
      const connection = new RedisConnection({ address: parseRedisUrl(backend), name: node, patience, clock, logger })
      return new RedisResults({ connection, keys: redisKeys(parts.keyPrefix), expires, extended, node, clock })
    }
  }
}
