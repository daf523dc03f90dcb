import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { amqpBroker } from '../../src/broker/amqp/amqp-broker.ts'
import { plainQueue } from '../../src/protocol/queue/task-queue.ts'
import { declareWithCompanions } from '../../src/queues/queue-access.ts'
import { blocksOf } from '../readme/blocks.ts'
import { complaintsAbout } from '../support/diagnostics.ts'
import { runTwq } from '../support/run-twq.ts'
import { brokerUrl, uniqueName } from '../support/services.ts'

const blocks = blocksOf(join(import.meta.dirname, '../../docs/failed-tasks.md'))

describe('docs/failed-tasks.md', () => {
  it('shows commands that twq understands', async () => {
    const queue = uniqueName('documented')
    const broker = amqpBroker({ url: brokerUrl(), heartbeat: 10_000, name: 'test' })
    await using connection = await broker.connect()
    await declareWithCompanions(connection, plainQueue(queue), { keep: 10, bytes: 1_000_000 })
    const commands = blocks.filter(({ language }) => language === 'sh').flatMap(({ text }) => text.split('\n'))
    expect(commands.length).toBeGreaterThan(0)
    for (const command of commands) {
      const args = command.replaceAll("'", '').split(' ').slice(2)
      const { status, stderr } = await runTwq([...args, '--queue', queue, '--broker', brokerUrl()])
      // Nothing has failed here, so that no failure has the id of those that name one.
      const missing = /^(show|edit)$/.test(args[1] ?? '')
      expect({ command, status, stderr }).toMatchObject({ command, status: missing ? 1 : 0 })
      expect(stderr.match(/TWQ_[A-Z_]+/g) ?? []).toEqual(missing ? ['TWQ_MESSAGE_MISSING'] : [])
    }
  })

  it('shows code that compiles', () => {
    const programs = blocks.filter(({ language }) => language === 'ts')
    const texts = programs.map(({ text }) => text.replaceAll("'twq'", "'../src/index.ts'"))
    expect(complaintsAbout(texts)).toEqual(programs.map(() => []))
  })
})
