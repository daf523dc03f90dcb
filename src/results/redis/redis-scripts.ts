import type { Redis } from 'ioredis'
import { isRefusal } from './redis-errors.ts'

// A value of another type counts as none: SETEX overwrites it. Errors are returned unchanged, not as script errors.
const STORE_FIRST = `
  local kept = redis.pcall('GET', KEYS[1])
  if type(kept) == 'string' then return 0 end
  local set
  if ARGV[2] == '0' then set = redis.pcall('SET', KEYS[1], ARGV[1])
  else set = redis.pcall('SETEX', KEYS[1], ARGV[2], ARGV[1]) end
  if set.err then return set end
  redis.call('PUBLISH', KEYS[1], ARGV[1])
  return 1
`

/** The scripts registered with a client, sent to the server once and called by their hash. */
export const SCRIPTS = { storeFirst: { numberOfKeys: 1, lua: STORE_FIRST } }

type Scripted = Redis & { storeFirst(key: string, value: string, seconds: number): Promise<number> }

/**
 * Stores a value if there is none, for the given seconds (0: for ever), and publishes it, in one command; false if there is one.
 * The client must have {@link SCRIPTS} registered.
 */
export async function storeFirst(client: Redis, key: string, value: string, seconds: number): Promise<boolean> {
  return (await (client as Scripted).storeFirst(key, value, seconds)) === 1
}

/** Whether the server, or this user's permissions, do not allow scripts. */
export function isScriptRefusal(error: unknown): boolean {
  return isRefusal(error) && /^(NOPERM|ERR unknown command)/.test(error.message)
}
