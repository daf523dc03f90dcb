import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TwqError } from '../../../src/errors.ts'
import { deferred } from '../../../src/runtime/time/deferred.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker } from '../../support/a-worker.ts'
import { startCeleryWorker } from '../../support/python.ts'
import { PythonCaller } from '../../support/python-caller.ts'
import { brokerUrl, uniqueName } from '../../support/services.ts'
import { tempFolder } from '../../support/temp-folder.ts'

/** A task that runs until the test, or its signal, lets it go. */
function aGate() {
  const started = deferred<void>()
  const open = deferred<void>()
  const reasons: unknown[] = []
  const task = defineTask({
    name: 'gate',
    retry: { limit: 5 },
    async run(_args, ctx) {
      started.resolve()
      await new Promise<void>((resolve, reject) => {
        void open.promise.then(resolve)
        ctx.signal.addEventListener('abort', () => {
          reasons.push(ctx.signal.reason)
          reject(new Error('my own error about the abort'))
        })
      })
    },
  })
  return { task, started: started.promise, open: open.resolve, reasons }
}

const victim = defineTask({ name: 'victim', run: () => 'ran' })

describe('a revocation that Python sends', () => {
  let caller: PythonCaller

  beforeAll(async () => {
    caller = await PythonCaller.start({ broker: brokerUrl() })
  })
  afterAll(() => caller?.[Symbol.asyncDispose]())

  it.each([
    ['keeps a task that waits for a slot from running', false, "tasks {'ID'} flagged as revoked"],
    ['that would end it does so, too', true, 'terminate: ID'],
  ])('%s', async (_title, terminate, answer) => {
    const gate = aGate()
    await using scene = await aWorker([gate.task, victim], { concurrency: 1, prefetch: 5 })
    const { node } = scene.worker
    await caller.sendTask('gate', [], { queue: scene.queue })
    await gate.started
    const id = await caller.sendTask('victim', [], { queue: scene.queue })
    await scene.log.until(({ event, task_id }) => event === 'task.received' && task_id === id)
    const order = { arguments: { task_id: id, terminate }, destination: [node], limit: 1, timeout: 60 }
    expect(await caller.broadcast('revoke', order)).toEqual([{ [node]: { ok: answer.replace('ID', id) } }])
    gate.open()
    await expect(caller.get(id)).rejects.toMatchObject({ type: 'TaskRevokedError', args: ['revoked'] })
    expect(await caller.inspect('revoked')).toMatchObject({ [node]: expect.arrayContaining([id]) })
  })

  it('ends a running task by its signal, and does not retry it', async () => {
    const gate = aGate()
    await using scene = await aWorker([gate.task])
    const id = await caller.sendTask('gate', [], { queue: scene.queue })
    await gate.started
    const replies = await caller.evaluate(
      `app.control.revoke('${id}', terminate=True, reply=True, timeout=5, destination=['${scene.worker.node}'])`,
    )
    expect(replies).toEqual([{ [scene.worker.node]: { ok: `terminate: ${id}` } }])
    await expect(caller.get(id)).rejects.toMatchObject({ type: 'TaskRevokedError', args: ['terminated'] })
    expect(TwqError.is(gate.reasons[0], 'TWQ_REVOKED')).toBe(true)
  })

  it('by a stamp keeps from running what Python has stamped so, and nothing else', async () => {
    const gate = aGate()
    await using scene = await aWorker([gate.task, victim], { concurrency: 1, prefetch: 5 })
    const { node } = scene.worker
    await caller.sendTask('gate', [], { queue: scene.queue })
    await gate.started
    const sendStamped = async (tenant: string): Promise<string> => {
      const stamped = `(lambda s: [s.stamp(tenant=${tenant}), s.apply_async(queue='${scene.queue}')][1])(app.signature('victim'))`
      return (await caller.evaluate(
        `(lambda sent: [results.update({sent.id: sent}), sent.id][1])(${stamped})`,
      )) as string
    }
    const [one, several, other] = [
      await sendStamped("'acme'"),
      await sendStamped("['else', 'acme']"),
      await sendStamped("'else'"),
    ]
    const revoke = `revoke_by_stamped_headers({'tenant': ['acme']}, destination=['${node}'], reply=True, timeout=60, limit=1)`
    const ok = "headers {'tenant': ['acme']} flagged as revoked, but not terminated"
    expect(await caller.evaluate(`app.control.${revoke}`)).toEqual([{ [node]: { ok } }])
    gate.open()
    for (const id of [one, several]) await expect(caller.get(id)).rejects.toMatchObject({ type: 'TaskRevokedError' })
    expect(await caller.get(other)).toBe('ran')
  })

  it('reaches the workers that start later, those of Python too', async () => {
    const id = uniqueName('id')
    await using first = await aWorker([victim])
    await caller.broadcast('revoke', { arguments: { task_id: id } })
    await using second = await aWorker([victim])
    await using _python = await startCeleryWorker({ broker: brokerUrl(), queue: uniqueName('python') })
    const revoked = (await caller.inspect('revoked', { timeout: 3 })) ?? {}
    expect(Object.keys(revoked)).toEqual(expect.arrayContaining([first.worker.node, second.worker.node]))
    expect(Object.keys(revoked)).toHaveLength(3)
    for (const ids of Object.values(revoked)) expect(ids).toContain(id)
  })

  it('outlives the worker in the file of --statedb', async () => {
    const statedb = join(tempFolder(), 'state.json')
    const first = await aWorker([victim], { statedb })
    const id = uniqueName('id')
    await caller.broadcast('revoke', { arguments: { task_id: id } })
    await first[Symbol.asyncDispose]()
    await using second = await aWorker([victim], { statedb })
    await caller.sendTask('victim', [], { queue: second.queue, task_id: id })
    await expect(caller.get(id)).rejects.toMatchObject({ type: 'TaskRevokedError' })
  })
})
