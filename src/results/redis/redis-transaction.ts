import type { Redis } from 'ioredis'

/** A command: its name and arguments. */
export type RedisCommand = readonly [name: string, ...args: (string | number)[]]

/** The reply to a command. */
export type RedisReply = string | number | null | readonly RedisReply[]

/** Executes all of the commands, or none; rejects with the first error among their replies. */
export async function transaction(client: Redis, commands: readonly RedisCommand[]): Promise<readonly RedisReply[]> {
  const batch = client.multi()
  for (const [name, ...args] of commands) batch.call(name, ...args)
  const replies = await batch.exec()
  return (replies ?? []).map(([error, reply]) => {
    if (error !== null) throw error
    return reply as RedisReply
  })
}
