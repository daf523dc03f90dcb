import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker } from '../../support/a-worker.ts'
import { queueOnce } from '../../support/raw-broker.ts'
import { runTwq } from '../../support/run-twq.ts'
import { brokerUrl, uniqueName } from '../../support/services.ts'
import { tempFolder } from '../../support/temp-folder.ts'

function twq(...args: string[]): ReturnType<typeof runTwq> {
  return runTwq([...args, '--broker', brokerUrl()])
}

/** A task that fails until it is told not to, or is given the argument `good`. */
function aTask() {
  let mended = false
  const task = defineTask({
    name: 'mail.send',
    positional: ['to'],
    run({ to }: { to: string }) {
      if (!mended && to !== 'good') throw new RangeError(`no such address: ${to}`)
      return `sent to ${to}`
    },
  })
  return {
    task,
    mend: () => {
      mended = true
    },
  }
}

it.each(['classic', 'quorum'] as const)(
  'lists what failed on a %s queue and why, runs it again, and drops the rest',
  async (type) => {
    const { task, mend } = aTask()
    const queue = uniqueName('failing')
    await using scene = await aWorker([task], { queues: [{ name: queue, type }] })
    const handles = [await scene.client.send(task, { to: 'a' }), await scene.client.send(task, { to: 'b' })]
    for (const handle of handles) await expect(handle.result({ timeout: 60_000 })).rejects.toThrow('no such')
    const [first, second] = handles.map(({ id }) => id) as [string, string]
    await queueOnce(`${queue}.failed`, ({ messages }) => messages === 2)

    const listed = JSON.parse((await twq('failed', 'list', '--queue', queue, '--json')).stdout)
    expect(listed).toMatchObject([
      { id: first, task: 'mail.send', error: 'RangeError', detail: 'no such address: a', attempts: 1, kept: 'whole' },
      { id: second, detail: 'no such address: b' },
    ])
    const filtered = await twq('failed', 'list', '--queue', queue, '--text', 'address: b', '--error', 'RangeError')
    expect(filtered.stdout).toContain(second)
    expect(filtered.stdout).not.toContain(first)
    const shown = await twq('failed', 'show', first, '--queue', queue, '--json')
    expect(JSON.parse(shown.stdout)).toMatchObject([
      { id: first, traceback: expect.stringContaining('RangeError'), original: { headers: { id: first } } },
    ])

    expect(await twq('failed', 'retry', first, '--queue', queue, '--dry-run')).toMatchObject({
      status: 0,
      stderr: expect.stringContaining('1 would be: nothing was done'),
    })
    mend()
    expect(await twq('failed', 'retry', first, '--queue', queue)).toMatchObject({
      status: 0,
      stderr: 'note: 1 sent again, 1 left\n',
    })
    await scene.log.until(({ event, task_id: id }) => event === 'task.succeeded' && id === first)

    expect(await twq('failed', 'drop', '--queue', queue)).toMatchObject({ status: 2 })
    expect(await twq('failed', 'drop', '--queue', queue, '--yes')).toMatchObject({
      status: 0,
      stderr: 'note: 1 dropped, 0 left\n',
    })
    await queueOnce(`${queue}.failed`, ({ messages }) => messages === 0)
  },
)

it('runs a failed task again with the arguments that an editor leaves', async () => {
  const { task } = aTask()
  await using scene = await aWorker([task])
  const { queue } = scene
  const handle = await scene.client.send(task, { to: 'bad' })
  await expect(handle.result({ timeout: 60_000 })).rejects.toThrow('no such')
  const editor = join(tempFolder(), 'editor')
  await writeFile(editor, `#!/bin/sh\nstat -c %a "$1"\nsed -i 's/"bad"/"good"/' "$1"\n`)
  await chmod(editor, 0o700)
  const edited = await runTwq(['failed', 'edit', handle.id, '--queue', queue, '--broker', brokerUrl()], {
    env: { EDITOR: editor },
  })
  expect(edited).toMatchObject({ status: 0, stdout: '600\n', stderr: expect.stringContaining('was sent again') })
  await scene.log.until(({ event, task_id: id }) => event === 'task.succeeded' && id === handle.id)
  await queueOnce(`${queue}.failed`, ({ messages }) => messages === 0)
})

it('is empty beside a queue that no worker has consumed yet, and missing beside no queue', async () => {
  const queue = uniqueName('fresh')
  expect(await twq('queue', 'declare', queue)).toMatchObject({ status: 0 })
  expect(await twq('queue', 'delete', `${queue}.failed`, '--yes')).toMatchObject({ status: 0 })
  const listed = await twq('failed', 'list', '--queue', queue, '--json')
  expect({ status: listed.status, failures: JSON.parse(listed.stdout) }).toEqual({ status: 0, failures: [] })
  const wrong = await twq('failed', 'list', '--queue', `${queue}x`)
  expect(wrong).toMatchObject({ status: 1, stderr: expect.stringContaining('TWQ_QUEUE_MISSING') })
})

it('says which of the ids that retry and drop name no failure has, and fails for them', async () => {
  const { task } = aTask()
  await using scene = await aWorker([task])
  const { queue } = scene
  const handle = await scene.client.send(task, { to: 'bad' })
  await expect(handle.result({ timeout: 60_000 })).rejects.toThrow('no such')
  await queueOnce(`${queue}.failed`, ({ messages }) => messages === 1)
  const there = ['--queue', queue]

  const missing = `no failure of ${queue}.failed has the id x`
  for (const line of ['retry x', 'retry x --dry-run', 'drop x --yes', 'drop x --dry-run']) {
    expect(await twq('failed', ...line.split(' '), ...there)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(`error[TWQ_MESSAGE_MISSING]: ${missing}\n`),
    })
  }
  const filtered = await twq('failed', 'retry', handle.id, '--task', 'another', ...there)
  expect(filtered).toMatchObject({
    status: 1,
    stderr: expect.stringContaining(`${handle.id} and passes the other filters`),
  })

  expect(await twq('failed', 'drop', 'x', handle.id, '--yes', ...there)).toMatchObject({
    status: 1,
    stderr: `note: ${missing}\nnote: 1 dropped, 0 left\n`,
  })
})
