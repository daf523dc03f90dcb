import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { RabbitNode } from '../test/support/provision/rabbit.ts'
import { type RedisServer, startRedis } from '../test/support/provision/redis.ts'
import { compileWorker } from './compiled.ts'
import { cpuTime } from './process-figures.ts'

/** The sizes of the measurements. */
export interface Size {
  /** How often each side of a comparison runs. */
  readonly rounds: number
  /** The number of messages in a queue before it is drained. */
  readonly messages: number
  /** The same for measurements that also report the second half, in which all code is compiled. */
  readonly drained: number
  /** The same for measurements of memory. */
  readonly watched: number
  /** The same for the comparison of a long backlog with a short one. */
  readonly backlog: number
  /** The number of consecutive calls in one measurement of the round trip. */
  readonly calls: number
}

/** The environment of all runs of a benchmark: its servers and a folder for logs. */
export interface Arena extends AsyncDisposable, Size {
  readonly url: string
  readonly folder: string
  /** The folder of the workers' configurations, compiled. */
  readonly worker: string
  /** Milliseconds of processor time that the broker has used; NaN for an external broker. */
  brokerTime(): number
  /** The URL of a private empty Redis, started at the first call. */
  redis(): Promise<string>
}

/** Opens the arena: the broker of TWQ_TEST_BROKER_URL, or a private one that is stopped with it. */
export async function openArena(size: Size): Promise<Arena> {
  // Node reads these certificates at each start, whether they are needed or not: that takes more processor time than the rest of
  // its start.
  delete process.env.NODE_EXTRA_CA_CERTS
  const given = process.env.TWQ_TEST_BROKER_URL
  const node = given ? undefined : await RabbitNode.start()
  const pid = await node?.pid()
  const folder = await mkdtemp(join(tmpdir(), 'twq-bench-'))
  let redis: Promise<RedisServer> | undefined
  return {
    ...size,
    url: given ?? node!.url(),
    folder,
    worker: await compileWorker(join(folder, 'project')),
    brokerTime: () => (pid === undefined ? Number.NaN : cpuTime(pid)),
    async redis() {
      redis ??= startRedis()
      return (await redis).url
    },
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true })
      await (await redis)?.[Symbol.asyncDispose]()
      await node?.[Symbol.asyncDispose]()
    },
  }
}

/** The path of a file of the benchmark. */
export function here(file: string): string {
  return resolve(import.meta.dirname, file)
}
