import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { RabbitNode } from '../test/support/provision/rabbit.ts'

/** Where all runs of one benchmark take place: one broker, one folder for logs, and how much is to be measured. */
export interface Arena extends AsyncDisposable {
  readonly url: string
  readonly folder: string
  /** How often each side of a comparison runs. */
  readonly rounds: number
  /** How many messages a queue is filled with before it is drained. */
  readonly messages: number
  /** The same where the second half of them is told as well, in which all code is compiled. */
  readonly drained: number
  /** How many calls, one after the other, make one measurement of the round trip. */
  readonly calls: number
}

/** Opens the arena: the broker of TWQ_TEST_BROKER_URL, or a private one that ends with it. */
export async function openArena(size: Pick<Arena, 'rounds' | 'messages' | 'drained' | 'calls'>): Promise<Arena> {
  const given = process.env.TWQ_TEST_BROKER_URL
  const node = given ? undefined : await RabbitNode.start()
  const folder = await mkdtemp(join(tmpdir(), 'twq-bench-'))
  return {
    ...size,
    url: given ?? node!.url(),
    folder,
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true })
      await node?.[Symbol.asyncDispose]()
    },
  }
}

/** The path of a file of the benchmark. */
export function here(file: string): string {
  return resolve(import.meta.dirname, file)
}
