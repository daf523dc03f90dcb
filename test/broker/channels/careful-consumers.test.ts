import { setImmediate } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { CarefulConsumers } from '../../../src/broker/channels/careful-consumers.ts'
import { ManualClock } from '../../../src/runtime/time/manual-clock.ts'

it('asks nothing about a consumer whose channel is gone, and rejects as its cancel does', async () => {
  let asked = 0
  const careful = new CarefulConsumers({
    declaring: {
      alone: async () => {
        throw new Error('not expected')
      },
      withChannel: async () => {
        asked += 1
        throw new Error('not expected')
      },
    },
    giveUp: () => {},
    clock: new ManualClock(),
  })
  const subscription = {
    consumerTag: 'test',
    room: 1,
    cancel: async () => {
      throw new Error('the channel is gone')
    },
    // As a channel that is gone answers: at once.
    cancelExhausted: async () => false,
  }
  const channel = { isOpen: false, ping: async () => {} }
  await expect(careful.end({ subscription, delivered: 0 }, { queue: 'tasks', channel })).rejects.toThrow('is gone')
  await setImmediate()
  expect(asked).toBe(0)
})
