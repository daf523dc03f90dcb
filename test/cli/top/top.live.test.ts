import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker } from '../../support/a-worker.ts'
import type { Program } from '../../support/program.ts'
import { startCeleryWorker, startPython } from '../../support/python.ts'
import { runTwq } from '../../support/run-twq.ts'
import { brokerUrl } from '../../support/services.ts'

const TWQ = fileURLToPath(new URL('../../../bin/twq.js', import.meta.url))
const SHOWN = '\u001b[?1049h'
const RESTORED = '\u001b[?1049l'

const block = defineTask({
  name: 'block',
  async run(_args, ctx) {
    await sleep(3_600_000, undefined, { signal: ctx.signal })
  },
})

/** `twq top` on a terminal. */
function topOnTerminal(): Promise<Program> {
  const command = [process.execPath, TWQ, 'top', '--interval', '200ms', '--broker', brokerUrl()]
  return startPython(['terminal.py', ...command], { broker: brokerUrl() }, { stdin: 'pipe' })
}

it('shows a worker in Python and one of ours, their queues and a task, and ends the task that is chosen', async () => {
  const queue = `python-${randomUUID()}`
  await using _python = await startCeleryWorker({ broker: brokerUrl(), queue }, { args: ['--hostname', 'python@test'] })
  await using ours = await aWorker([block])
  const earlier = await ours.client.send(block)
  await ours.logged('task.received')
  await using top = await topOnTerminal()
  await top.until(/python@test +online.*py-celery/)
  await top.until(new RegExp(`${ours.worker.node} +online +1 .*twq`))
  for (const name of [queue, ours.queue]) await top.until(new RegExp(`${name} +0 +1`))
  // It started before anybody looked.
  await top.until(new RegExp(`STARTED +block +${earlier.id}`))

  const { id } = await ours.client.send(block)
  await top.until(new RegExp(`STARTED +block +${id}`))
  top.write(`/${id}\r`)
  await top.until(`tasks 1  by time  with "${id}"`)
  top.write('\u001b[B')
  top.write('x')
  await top.until(`block[${id}]?  y: revoke`)
  top.write('t')
  await top.until(`${id} is revoked`)
  await ours.log.until((record) => record.event === 'task.revoked' && record.task_id === id)
  await top.until(new RegExp(`REVOKED +block +${id}`))
  top.write('q')
  expect(await top.exit).toMatchObject({ code: 0 })
  const screen = top.output.entries.join('\n')
  expect([screen.indexOf(SHOWN) >= 0, screen.lastIndexOf(RESTORED) > screen.lastIndexOf('\u001b[H')]).toEqual([
    true,
    true,
  ])
})

it('gives the terminal back at Ctrl-C, whatever the keys mean at that moment', async () => {
  await using top = await topOnTerminal()
  await top.until('WORKER')
  top.write('/abc')
  await top.until('with "abc"')
  top.write('\u0003')
  expect(await top.exit).toMatchObject({ code: 130 })
  expect(top.output.entries.join('\n')).toContain(RESTORED)
})

it('prints a table off a terminal, and a document for programs', async () => {
  await using ours = await aWorker([block])
  const { id } = await ours.client.send(block)
  await ours.logged('task.received')
  const { status, stdout } = await runTwq(['top', '--once', '--broker', brokerUrl()])
  expect(status).toBe(0)
  expect(stdout).toMatch(new RegExp(`^${ours.worker.node} +online +1`, 'm'))
  expect(stdout).toMatch(new RegExp(`^${ours.queue} +0 +1$`, 'm'))
  expect(stdout).toMatch(new RegExp(`^STARTED +block +${id}`, 'm'))
  expect(stdout).not.toContain('\u001b')

  const json = await runTwq(['top', '--once', '--json', '--broker', brokerUrl()])
  expect(json.status).toBe(0)
  const scene = JSON.parse(json.stdout)
  expect(scene.workers).toContainEqual(
    expect.objectContaining({ hostname: ours.worker.node, alive: true, active: 1, sw_ident: 'twq' }),
  )
  expect(scene.queues).toContainEqual({ name: ours.queue, ready: 0, consumers: 1 })
  expect(scene.tasks).toContainEqual(
    expect.objectContaining({ uuid: id, name: 'block', state: 'STARTED', worker: ours.worker.node }),
  )
})
