import type { Redis } from 'ioredis'
import { uuid } from './properties.ts'
import type { Random } from './random.ts'
import { anyJson } from './values.ts'

/** Writes a key that results and chords are read from, with a value of another type or shape. */
export async function writeGarbage(redis: Redis, random: Random): Promise<void> {
  const name = random.pick([
    `celery-task-meta-${uuid(random)}`,
    ...['.j', '.t', '.s'].map((end) => `fuzz-${random.below(10)}${end}`),
  ])
  await redis.del(name)
  const value = anyJson(random)
  switch (random.below(5)) {
    case 0:
      await redis.set(name, value)
      return
    case 1:
      await redis.rpush(name, value, value)
      return
    case 2:
      await redis.zadd(name, random.below(100), value)
      return
    case 3:
      await redis.hset(name, 'x', value)
      return
    default:
      await redis.set(name, random.bytes(100))
  }
}
