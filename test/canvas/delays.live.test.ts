import { describe, expect, it } from 'vitest'
import { chain } from '../../src/canvas/chain.ts'
import { chord } from '../../src/canvas/chord.ts'
import { group } from '../../src/canvas/group.ts'
import { signature } from '../../src/canvas/signature.ts'
import { createClient } from '../../src/client/create-client.ts'
import { keyBeforeDelay } from '../../src/protocol/headers/delay-route.ts'
import { deferred } from '../../src/runtime/time/deferred.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import type { Canvas } from '../../src/tasks/sending.ts'
import { aWorker } from '../support/a-worker.ts'
import { brokerUrl } from '../support/services.ts'

// Where a busy machine takes seconds to hand a task over, enough of it is left for the broker.
const DELAY = 6000

const soon = defineTask({ name: 'soon', run: () => 'now' })
const fails = defineTask({
  name: 'fails',
  run() {
    throw new Error('as it should')
  },
})

const first = signature(soon, [], { immutable: true })
const delayed = signature('late', [], { immutable: true, countdown: DELAY })

const replaces = defineTask({ name: 'replaces', run: (_args, ctx) => ctx.replace(chain(first, delayed)) })

const POSITIONS: readonly (readonly [string, () => Canvas])[] = [
  ['a signature', () => delayed],
  ['the first step of a chain', () => chain(delayed, first)],
  ['a later step of a chain', () => chain(first, delayed)],
  ['a member of a group', () => group([first, delayed])],
  ['a member of a group behind a step', () => chain(first, group([first, delayed]))],
  ['a member of the header of a chord', () => chord([first, delayed], first)],
  ['the body of a chord', () => chord([first, first], delayed)],
  ['a callback', () => signature(soon, [], { link: delayed })],
  ['an errback', () => signature(fails, [], { linkError: delayed })],
  ['a step of what replaces a task', () => signature(replaces)],
]

/** Every delay of a second or more is left to the broker. */
const NOTHING_HELD = { holdFor: '1s', delayedDelivery: 'always' } as const

// Side by side, since each of them waits for seconds.
describe.concurrent('a delay in a workflow', () => {
  it.each(POSITIONS)('waits with the broker, and not in a worker: %s', async (_position, canvas) => {
    const go = deferred<void>()
    const begun = deferred<number>()
    const late = defineTask({
      name: 'late',
      async run() {
        begun.resolve(Date.now())
        await go.promise
      },
    })
    await using scene = await aWorker([soon, late, fails, replaces], NOTHING_HELD)
    await scene.logged('delays.ready')
    // A send declares for half of its time at most, and then does without.
    const client = createClient({
      broker: brokerUrl(),
      queue: scene.queue,
      holdFor: NOTHING_HELD.holdFor,
      publishTimeout: '2m',
    })
    try {
      // A send that has to connect and declare first may leave less of the delay than the broker is given.
      await client.send(soon, [], { countdown: '10m' })
      const sent = Date.now()
      await client.send(canvas())
      expect(await begun.promise).toBeGreaterThanOrEqual(sent + DELAY)
      const { workers } = await client.inspect({ destination: [scene.worker.node], timeout: '60s' }).active()
      const [task] = workers.get(scene.worker.node)?.filter(({ name }) => name === 'late') ?? []
      expect(keyBeforeDelay({ exchange: task?.exchange ?? '', routingKey: task?.routingKey ?? '' })).toBe(scene.queue)
      expect(scene.log.entries.filter(({ event }) => event === 'task.delayed')).toEqual([])
    } finally {
      go.resolve()
      await client.close()
    }
  })
})
