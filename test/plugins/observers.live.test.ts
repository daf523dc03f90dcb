import { expect, it } from 'vitest'
import { defineTask } from '../../src/tasks/define-task.ts'
import type { Plugin } from '../../src/tasks/plugin.ts'
import { aWorker } from '../support/a-worker.ts'
import { FaultProxy } from '../support/fault-proxy.ts'
import { brokerUrl } from '../support/services.ts'
import { Journal } from '../support/until.ts'

it('hear once for each connection that the broker is lost, and once that it is back', async () => {
  const notes = new Journal<readonly [moment: string, role: string, fact: unknown]>()
  const watching: Plugin = {
    name: 'watching',
    on: {
      brokerLost: ({ role, error }) => notes.push(['lost', role, error]),
      brokerRegained({ role, downtime }) {
        notes.push(['regained', role, downtime])
        throw new Error('of no consequence')
      },
    },
  }
  await using proxy = await FaultProxy.before(brokerUrl())
  const task = defineTask({ name: 'task', run: () => 'ran' })
  await using scene = await aWorker([task], { broker: proxy.through(brokerUrl()), plugins: [watching] })
  expect(await (await scene.client.send(task)).result()).toBe('ran')
  expect(notes.entries).toEqual([])

  proxy.refuse()
  proxy.reset()
  await notes.untilCount(2)
  // Attempts to connect that fail are no further losses.
  await scene.log.untilCount(4, ({ event }) => event === 'broker.try-failed')
  expect([...notes.entries].sort()).toEqual([
    ['lost', 'consumer', expect.any(String)],
    ['lost', 'publisher', expect.any(String)],
  ])
  proxy.heal()
  await notes.untilCount(4)
  expect(notes.entries.slice(2).sort()).toEqual([
    ['regained', 'consumer', expect.any(Number)],
    ['regained', 'publisher', expect.any(Number)],
  ])
  expect(await scene.logged('plugin.failed')).toMatchObject({
    plugin: 'watching',
    hook: 'on.brokerRegained',
    error: 'of no consequence',
  })
  expect(await (await scene.client.send(task)).result()).toBe('ran')
})
