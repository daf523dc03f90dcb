import { expect, it } from 'vitest'
import { createClient } from '../../../src/client/create-client.ts'
import { queueOnce } from '../../support/raw-broker.ts'
import { brokerUrl, uniqueName } from '../../support/services.ts'
import { startTwqWorker } from '../../support/twq-worker.ts'

const TASKS = `
  import { defineTask } from 'twq'

  export const spin = defineTask({
    name: 'spin',
    positional: ['ms'],
    run({ ms }, ctx) {
      ctx.log.info({ event: 'spin.started' }, 'started')
      for (const end = Date.now() + ms; Date.now() < end; );
      ctx.log.info({ event: 'spin.ended' }, 'ended')
      return 'done'
    },
  })
`

it.each([
  ['none', 'late'],
  ['rpc', 'late'],
  ['none', 'early'],
] as const)(
  'does not run a task again that blocked the loop until the connection was lost, and ended: %s, acks %s',
  async (resultBackend, acks) => {
    const queue = uniqueName('spins')
    const config = { queues: [queue], heartbeat: '2s', resultBackend, acks }
    await using worker = await startTwqWorker({ broker: brokerUrl(), tasks: TASKS, config })
    await using client = createClient({ broker: brokerUrl(), queue })
    await client.send('spin', [9_000])
    await worker.until('spin.ended')
    await worker.until('broker.lost', { role: 'consumer' })
    await worker.until('task.finished-before')
    await queueOnce(queue, ({ messages, consumers }) => messages === 0 && consumers === 1)
    // One more, which comes behind whatever has come back.
    await client.send('spin', [0])
    await worker.log.untilCount(2, ({ event }) => event === 'spin.ended')
    await queueOnce(queue, ({ messages, consumers }) => messages === 0 && consumers === 1)
    expect(worker.records('spin.started')).toHaveLength(2)
    expect(worker.records('task.suspected')).toEqual([])
  },
)
