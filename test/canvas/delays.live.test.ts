import { describe, expect, it } from 'vitest'
import { chain } from '../../src/canvas/chain.ts'
import { chord } from '../../src/canvas/chord.ts'
import { group } from '../../src/canvas/group.ts'
import { signature } from '../../src/canvas/signature.ts'
import { createClient } from '../../src/client/create-client.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import type { Canvas } from '../../src/tasks/sending.ts'
import { aWorker } from '../support/a-worker.ts'
import { brokerUrl } from '../support/services.ts'

const DELAY = 3000

const soon = defineTask({ name: 'soon', run: () => 'now' })
const late = defineTask({ name: 'late', run: () => 'late' })
const fails = defineTask({
  name: 'fails',
  run() {
    throw new Error('as it should')
  },
})

const first = signature(soon, [], { immutable: true })
const delayed = signature(late, [], { immutable: true, countdown: DELAY })

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
    await using scene = await aWorker([soon, late, fails, replaces], NOTHING_HELD)
    await scene.logged('delays.ready')
    const client = createClient({ broker: brokerUrl(), queue: scene.queue, holdFor: NOTHING_HELD.holdFor })
    try {
      // A send that has to connect first may leave less of the delay than the broker is given.
      await client.send(soon)
      const sent = Date.now()
      await client.send(canvas())
      const ended = await scene.log.until(({ event, task }) => event === 'task.succeeded' && task === 'late')
      expect(Date.parse(String(ended.time))).toBeGreaterThanOrEqual(sent + DELAY)
      const received = await scene.log.until(({ event, task }) => event === 'task.received' && task === 'late')
      expect(Date.parse(String(received.time))).toBeGreaterThanOrEqual(sent + DELAY - 1000)
      expect(scene.log.entries.filter(({ event }) => event === 'task.delayed')).toEqual([])
    } finally {
      await client.close()
    }
  })
})
