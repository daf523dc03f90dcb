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
  /** Makes workers lose what they hold, for as long as `act` takes. */
  strike(
    workers: readonly string[],
    act: () => unknown,
    kind?: { readonly pid?: number; readonly unnoticed?: boolean },
  ): Promise<void>
  /** Sends tasks to a queue, has it deleted once they have run, and sends others when it is there again. */
  deleteQueue(): Promise<void>
}

/** One fault: what it does, and in the middle of that, whose messages in flight return. */
export interface FaultPlan {
  readonly name: string
  act(stage: Stage): Promise<unknown>
}

export const WORKERS = ['async', 'processes', 'proxied'] as const

/** The fault table: 17 faults, in the order in which they are made. */
export const FAULTS: readonly FaultPlan[] = [
  { name: 'worker SIGKILL', act: (stage) => kill(stage, 'async') },
  { name: 'two workers SIGKILL', act: (stage) => kill(stage, 'async', 'processes') },
  {
    name: 'close_all_connections',
    act: ({ node, strike }) => strike(WORKERS, () => node.ctl('close_all_connections', 'chaos')),
  },
  { name: 'ten resets', act: (stage) => resets(stage, 10) },
  {
    name: 'pool process SIGKILL',
    act: ({ fleet, strike }) => {
      const pid = fleet.member('processes')
      return strike(['processes'], () => process.kill(pid, 'SIGKILL'), { pid })
    },
  },
  // It returns nothing that has started.
  { name: 'worker SIGTERM', act: ({ fleet }) => leave(fleet, 'async') },
  {
    name: 'memory alarm',
    act: async ({ node }) => {
      await node.ctl('set_vm_memory_high_watermark', '0.00001')
      await sleep(8_000)
      await node.ctl('set_vm_memory_high_watermark', '0.6')
    },
  },
  {
    name: 'disk alarm',
    act: async ({ node }) => {
      await node.ctl('set_disk_free_limit', String(1e14))
      await sleep(8_000)
      await node.ctl('set_disk_free_limit', String(5e7))
    },
  },
  {
    name: 'broker SIGKILL',
    act: async ({ node, strike }) => {
      await strike(WORKERS, () => node.kill9())
      await node.startAgain()
    },
  },
  {
    name: 'broker restart',
    act: async ({ node, strike }) => {
      await strike(WORKERS, () => node.stop())
      await node.startAgain()
    },
  },
  {
    name: 'black hole, 14 s',
    act: async ({ proxy, strike }) => {
      const act = async () => {
        proxy.blackhole()
        await sleep(14_000)
        proxy.reset()
        proxy.heal()
      }
      await strike(['proxied'], act, { unnoticed: true })
    },
  },
  {
    name: 'half-open connection',
    act: async ({ proxy, strike }) => {
      const act = async () => {
        proxy.halfOpen()
        await sleep(14_000)
      }
      await strike(['proxied'], act, { unnoticed: true })
    },
  },
  {
    name: 'broker SIGSTOP, 16 s',
    act: async ({ node, strike }) => {
      const act = async () => {
        node.pause()
        await sleep(16_000)
        node.resume()
      }
      await strike(WORKERS, act, { unnoticed: true })
    },
  },
  { name: 'queue deleted and declared again', act: (stage) => stage.deleteQueue() },
  {
    name: 'Redis SIGKILL',
    act: async ({ redis }) => {
      await redis.kill9()
      await sleep(3_000)
      await redis.start()
    },
  },
  {
    name: 'Redis SIGSTOP, 12 s',
    act: async ({ redis }) => {
      redis.pause()
      await sleep(12_000)
      redis.resume()
    },
  },
  {
    name: 'worker SIGSTOP, 15 s',
    act: async ({ fleet, strike }) => {
      const act = async () => {
        fleet.signal('async', 'SIGSTOP')
        await sleep(15_000)
        fleet.signal('async', 'SIGCONT')
      }
      await strike(['async'], act, { unnoticed: true })
    },
  },
]

async function kill({ fleet, strike }: Stage, ...names: readonly string[]): Promise<void> {
  await strike(names, () => Promise.all(names.map((name) => fleet.worker(name).kill9())))
  await fleet.fill()
}

async function leave(fleet: Fleet, name: string): Promise<void> {
  const status = await fleet.worker(name).stop()
  if (status !== 0) throw new Error(`the worker ${name} left with status ${status}`)
  await fleet.fill()
}

async function resets({ proxy, strike }: Stage, times: number): Promise<void> {
  for (let reset = 0; reset < times; reset += 1) {
    await strike(['proxied'], () => proxy.reset())
    await sleep(300)
  }
}
