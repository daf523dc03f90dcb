import { expect, it } from 'vitest'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker } from '../../support/a-worker.ts'
import { publishRaw, queueOnce } from '../../support/raw-broker.ts'
import { runTwq } from '../../support/run-twq.ts'
import { brokerUrl, uniqueName } from '../../support/services.ts'

function twq(...args: string[]): ReturnType<typeof runTwq> {
  return runTwq([...args, '--broker', brokerUrl()])
}

it('lists what a worker set aside, plays it back once the task exists, and drops the rest', async () => {
  const first = await aWorker([defineTask({ name: 'known', run: () => 'ran' })])
  const { queue } = first
  const handle = await first.client.send('unknown.yet', ['a'])
  await expect(handle.result()).rejects.toThrow()
  await publishRaw(queue, { body: Buffer.from('{broken') })
  await queueOnce(`${queue}.quarantine`, ({ messages }) => messages === 2)
  await first.worker.stop('warm')

  const listed = await twq('quarantine', 'list', '--queue', queue, '--json')
  expect(JSON.parse(listed.stdout)).toMatchObject([
    { id: handle.id, task: 'unknown.yet', reason: 'NotRegistered', queue, routing_key: queue },
    { reason: 'DecodeError', body: '{broken' },
  ])

  const shown = await twq('quarantine', 'show', handle.id, '--queue', queue, '--json')
  expect(JSON.parse(shown.stdout)).toMatchObject([
    { task: 'unknown.yet', original: { routing_key: queue, body: expect.stringContaining('["a"]') } },
  ])
  expect(
    JSON.parse((await twq('quarantine', 'list', '--queue', queue, '--older-than', '1h', '--json')).stdout),
  ).toEqual([])

  for (const line of ['replay --id x', 'replay --id x --dry-run', 'purge --id x --yes']) {
    expect(await twq('quarantine', ...line.split(' '), '--queue', queue)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(`error[TWQ_MESSAGE_MISSING]: no message of ${queue}.quarantine has the id x\n`),
    })
  }
  const replayed = await twq('quarantine', 'replay', '--queue', queue, '--task', 'unknown.yet')
  expect(replayed).toMatchObject({ status: 0, stderr: 'note: 1 replayed, 1 left\n' })
  const late = defineTask({ name: 'unknown.yet', positional: ['x'], run: ({ x }: { x: string }) => `ran with ${x}` })
  await using second = await aWorker([late], { queues: [queue] })
  expect(await second.logged('task.succeeded')).toMatchObject({ task_id: handle.id })

  expect(await twq('quarantine', 'purge', '--queue', queue)).toMatchObject({ status: 2 })
  expect(await twq('quarantine', 'purge', '--queue', queue, '--dry-run')).toMatchObject({ status: 0 })
  expect(await twq('quarantine', 'purge', '--queue', queue, '--yes')).toMatchObject({
    status: 0,
    stderr: 'note: 1 purged, 0 left\n',
  })
  await queueOnce(`${queue}.quarantine`, ({ messages }) => messages === 0)
  await first[Symbol.asyncDispose]()
})

it('is empty beside a queue that no worker has consumed yet, and missing beside no queue', async () => {
  const queue = uniqueName('fresh')
  expect(await twq('queue', 'declare', queue)).toMatchObject({ status: 0 })
  expect(await twq('queue', 'delete', `${queue}.quarantine`, '--yes')).toMatchObject({ status: 0 })
  const listed = await twq('quarantine', 'list', '--queue', queue, '--json')
  expect({ status: listed.status, messages: JSON.parse(listed.stdout) }).toEqual({ status: 0, messages: [] })
  const wrong = await twq('quarantine', 'list', '--queue', `${queue}x`)
  expect(wrong).toMatchObject({ status: 1, stderr: expect.stringContaining('TWQ_QUEUE_MISSING') })
})
