import { setTimeout as sleep } from 'node:timers/promises'
import type { FaultProxy } from '../../support/fault-proxy.ts'
import type { RabbitNode } from '../../support/provision/rabbit.ts'
import type { RedisServer } from '../../support/provision/redis.ts'
import type { Fleet } from './fleet.ts'

/** What faults act on. */
export interface Stage {
  readonly node: RabbitNode
  readonly redis: RedisServer
  readonly fleet: Fleet
  /** In front of the worker `proxied`. */
  readonly proxy: FaultProxy
  /** Sends tasks to a queue, has it deleted once they have run, and sends others when it is there again. */
  deleteQueue(): Promise<void>
}

/** One fault: what it does, and whose messages in flight it returns. */
export interface FaultPlan {
  readonly name: string
  readonly hits: readonly string[]
  act(stage: Stage): Promise<unknown>
}

export const WORKERS = ['async', 'processes', 'proxied'] as const

/** The fault table: 17 faults, in the order in which they are made. */
export const FAULTS: readonly FaultPlan[] = [
  { name: 'worker SIGKILL', hits: ['async'], act: ({ fleet }) => kill(fleet, 'async') },
  { name: 'two workers SIGKILL', hits: ['async', 'processes'], act: ({ fleet }) => kill(fleet, 'async', 'processes') },
  {
    name: 'close_all_connections',
    hits: WORKERS,
    act: ({ node }) => node.ctl('close_all_connections', 'chaos'),
  },
  { name: 'ten resets', hits: ['proxied'], act: ({ proxy }) => resets(proxy, 10) },
  { name: 'pool process SIGKILL', hits: ['processes'], act: async ({ fleet }) => fleet.killMember('processes') },
  { name: 'worker SIGTERM', hits: ['async'], act: ({ fleet }) => leave(fleet, 'async') },
  {
    name: 'memory alarm',
    hits: [],
    act: async ({ node }) => {
      await node.ctl('set_vm_memory_high_watermark', '0.00001')
      await sleep(8_000)
      await node.ctl('set_vm_memory_high_watermark', '0.6')
    },
  },
  {
    name: 'disk alarm',
    hits: [],
    act: async ({ node }) => {
      await node.ctl('set_disk_free_limit', String(1e14))
      await sleep(8_000)
      await node.ctl('set_disk_free_limit', String(5e7))
    },
  },
  {
    name: 'broker SIGKILL',
    hits: WORKERS,
    act: async ({ node }) => {
      await node.kill9()
      await node.startAgain()
    },
  },
  { name: 'broker restart', hits: WORKERS, act: ({ node }) => node.restart() },
  {
    name: 'black hole, 14 s',
    hits: ['proxied'],
    act: async ({ proxy }) => {
      proxy.blackhole()
      await sleep(14_000)
      proxy.reset()
      proxy.heal()
    },
  },
  {
    name: 'half-open connection',
    hits: ['proxied'],
    act: async ({ proxy }) => {
      proxy.halfOpen()
      await sleep(14_000)
    },
  },
  {
    name: 'broker SIGSTOP, 16 s',
    hits: WORKERS,
    act: async ({ node }) => {
      node.pause()
      await sleep(16_000)
      node.resume()
    },
  },
  { name: 'queue deleted and declared again', hits: [], act: (stage) => stage.deleteQueue() },
  {
    name: 'Redis SIGKILL',
    hits: [],
    act: async ({ redis }) => {
      await redis.kill9()
      await sleep(3_000)
      await redis.start()
    },
  },
  {
    name: 'Redis SIGSTOP, 12 s',
    hits: [],
    act: async ({ redis }) => {
      redis.pause()
      await sleep(12_000)
      redis.resume()
    },
  },
  {
    name: 'worker SIGSTOP, 15 s',
    hits: ['async'],
    act: async ({ fleet }) => {
      fleet.signal('async', 'SIGSTOP')
      await sleep(15_000)
      fleet.signal('async', 'SIGCONT')
    },
  },
]

async function kill(fleet: Fleet, ...names: readonly string[]): Promise<void> {
  await Promise.all(names.map((name) => fleet.worker(name).kill9()))
  await fleet.fill()
}

async function leave(fleet: Fleet, name: string): Promise<void> {
  const status = await fleet.worker(name).stop()
  if (status !== 0) throw new Error(`the worker ${name} left with status ${status}`)
  await fleet.fill()
}

async function resets(proxy: FaultProxy, times: number): Promise<void> {
  for (let reset = 0; reset < times; reset += 1) {
    proxy.reset()
    await sleep(300)
  }
}
