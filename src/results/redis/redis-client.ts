import { readFile } from 'node:fs/promises'
import type { Redis, RedisOptions } from 'ioredis'
import { TwqError } from '../../errors.ts'
import { requireOwn } from '../../runtime/own-package.ts'
import type { RedisAddress, RedisTls } from './redis-address.ts'
import { SCRIPTS } from './redis-scripts.ts'

const CONNECT_TIMEOUT = 10_000
// In milliseconds: a server that does not answer a command for this long is considered lost.
const SILENCE = 10_000

/**
 * An unconnected client of the library that retries nothing by itself: `retry` returns the milliseconds until it reconnects.
 * Rejects with `TWQ_CONFIG` if the library is not installed or a certificate file can't be read.
 */
export async function createRedis(address: RedisAddress, name: string, retry: () => number): Promise<Redis> {
  const Client = await load()
  const tls = address.tls === undefined ? undefined : await tlsOptions(address.tls)
  return new Client({
    ...placeOptions(address, tls, retry),
    db: address.database,
    ...(address.password !== undefined && { username: address.user, password: address.password }),
    connectionName: name.replace(/[^!-~]/g, '-'),
    disableClientInfo: true,
    connectTimeout: CONNECT_TIMEOUT,
    socketTimeout: SILENCE,
    // Calls are retried here as a whole: the library must neither queue nor retry their commands.
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    retryStrategy: retry,
    // The server is no longer the master: the next connection finds the new one.
    reconnectOnError: ({ message }) => message.startsWith('READONLY'),
    protocol: 2,
    scripts: SCRIPTS,
  })
}

async function load(): Promise<typeof Redis> {
  try {
    return (await import('ioredis')).Redis
  } catch (cause) {
    throw missing(cause)
  }
}

/** Throws `TWQ_CONFIG` if the Redis client package is not installed: earlier than the first connection would. */
export function requireIoredis(): void {
  try {
    requireOwn.resolve('ioredis')
  } catch (cause) {
    throw missing(cause)
  }
}

function missing(cause: unknown): TwqError {
  return new TwqError('TWQ_CONFIG', 'results in Redis need the package ioredis, which is not installed', {
    hint: 'npm install ioredis',
    cause,
  })
}

type Tls = NonNullable<RedisOptions['tls']>
type Place = Pick<
  RedisOptions,
  'host' | 'port' | 'tls' | 'path' | 'sentinels' | 'name' | 'sentinelPassword' | 'sentinelRetryStrategy'
>

function placeOptions({ at, sentinelPassword }: RedisAddress, tls: Tls | undefined, retry: () => number): Place {
  switch (at.kind) {
    case 'server':
      return { host: at.host, port: at.port, ...(tls && { tls }) }
    case 'socket':
      return { path: at.path }
    case 'sentinels':
      return {
        sentinels: [...at.sentinels],
        name: at.master,
        ...(sentinelPassword !== undefined && { sentinelPassword }),
        sentinelRetryStrategy: retry,
      }
  }
}

async function tlsOptions({ verified, checksName, caFile, certFile, keyFile }: RedisTls): Promise<Tls> {
  const [ca, cert, key] = await Promise.all([caFile, certFile, keyFile].map(readPem))
  return {
    rejectUnauthorized: verified,
    ...(!checksName && { checkServerIdentity: () => undefined }),
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
  }
}

async function readPem(file: string | undefined): Promise<Buffer | undefined> {
  if (file === undefined) return undefined
  try {
    return await readFile(file)
  } catch (cause) {
    throw new TwqError('TWQ_CONFIG', `the result backend's file ${file} can't be read`, { cause })
  }
}
