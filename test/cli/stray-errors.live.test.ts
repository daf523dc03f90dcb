import { expect, it } from 'vitest'
import { createClient } from '../../src/client/create-client.ts'
import { aProject } from '../support/a-project.ts'
import { brokerUrl, uniqueName } from '../support/services.ts'
import { startTwqWorker } from '../support/twq-worker.ts'

const CONFIG = `export default { tasks: ['./tasks.ts'] }`

const TASKS = `
import { defineTask } from 'twq'
export const add = defineTask({ name: 'add', positional: ['x', 'y'], run: ({ x, y }) => x + y })
export const forgetful = defineTask({ name: 'forgetful', run() { Promise.reject(new Error('nobody awaits me')) } })
export const leaver = defineTask({ name: 'leaver', run() { process.exit(0) } })
export const explosive = defineTask({ name: 'explosive', run() { setTimeout(() => { throw new Error('too late to catch') }, 1) } })
`

it('a rejection that a task forgot about ends nothing', async () => {
  const queue = uniqueName('stray')
  using project = aProject({ 'worker.config.ts': CONFIG, 'tasks.ts': TASKS })
  const args = ['--broker', brokerUrl(), '--queues', queue]
  await using worker = await startTwqWorker({ project: project.folder, args })
  await using client = createClient({ broker: brokerUrl(), queue })
  await (await client.send('forgetful')).result()
  expect(await worker.until('process.unhandled-rejection')).toMatchObject({ err: { message: 'nobody awaits me' } })
  expect(await (await client.send('add', [1, 2])).result()).toBe(3)
  worker.signal('SIGTERM')
  expect(await worker.exit).toMatchObject({ code: 0 })
})

it('after an exception out of a callback the worker leaves in order, with a status of its own', async () => {
  const queue = uniqueName('stray')
  using project = aProject({ 'worker.config.ts': CONFIG, 'tasks.ts': TASKS })
  const args = ['--broker', brokerUrl(), '--queues', queue]
  await using worker = await startTwqWorker({ project: project.folder, args })
  await using client = createClient({ broker: brokerUrl(), queue })
  await client.send('explosive')
  expect(await worker.until('process.uncaught-exception')).toMatchObject({ err: { message: 'too late to catch' } })
  await worker.until('worker.stopped')
  expect(await worker.exit).toMatchObject({ code: 70 })
})

it('a task that ends the process is told of on the log, and the status is no success', async () => {
  const queue = uniqueName('stray')
  using project = aProject({ 'worker.config.ts': CONFIG, 'tasks.ts': TASKS })
  const args = ['--broker', brokerUrl(), '--queues', queue]
  await using worker = await startTwqWorker({ project: project.folder, args })
  await using client = createClient({ broker: brokerUrl(), queue })
  await client.send('leaver')
  expect(await worker.until('process.exited')).toMatchObject({ level: 'fatal', code: 0 })
  expect(await worker.exit).toMatchObject({ code: 70 })
})
