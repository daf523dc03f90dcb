import { expect, it } from 'vitest'
import type { Connection } from '../../../src/broker/broker.ts'
import { createMemoryBroker, type MemoryBroker } from '../../../src/broker/memory/broker.ts'
import { TwqError } from '../../../src/errors.ts'
import { createLogger } from '../../../src/runtime/log/logger.ts'
import { ManualClock } from '../../../src/runtime/time/manual-clock.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { startTestWorker } from '../../../src/testing/test-worker.ts'

const add = defineTask({ name: 'add', run: () => 3 })

it.each([['consumer'], ['publisher']])('leaves when the session of its %s has a defect, and says so', async (role) => {
  const clock = new ManualClock(Date.now())
  const broker = createMemoryBroker({ clock })
  const own: Connection[] = []
  const unreliable: MemoryBroker = Object.assign(Object.create(broker) as MemoryBroker, {
    async connect(options: { readonly name?: string }) {
      const connection = await broker.connect(options)
      if (options?.name?.endsWith(role) !== true) return connection
      own.push(connection)
      if (own.length > 1) {
        connection.onBlocked = () => {
          throw new RangeError('not thought of')
        }
      }
      return connection
    },
  })
  const lines: string[] = []
  const logger = createLogger({
    level: 'fatal',
    format: 'json',
    destination: { write: (text: string) => lines.push(text) },
  })
  const scene = await startTestWorker({ tasks: [add], broker: unreliable, clock, logger })
  const stopped = expect(scene.worker.stopped).rejects.toMatchObject({ code: 'TWQ_INTERNAL' })
  own[0]?.destroy(new TwqError('TWQ_CONNECTION_LOST', 'reset'))
  await clock.pass('1m')
  await stopped
  expect(lines.join('')).toContain('"event":"broker.session-failed"')
  expect(lines.join('')).toContain('not thought of')
  await scene[Symbol.asyncDispose]()
})
