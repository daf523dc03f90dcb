import { expect, it } from 'vitest'
import { defineTask, signature } from '../../src/index.ts'
import { createLogger } from '../../src/runtime/log/logger.ts'
import type { Plugin } from '../../src/tasks/plugin.ts'
import { startTestWorker, until } from '../../src/testing.ts'

const TASKS = 2_000

/** Throws, rejects, returns what is none, or does as it should, in turn. */
function inTurn(well: (...given: never[]) => unknown): (...given: never[]) => never {
  let turn = 0
  return ((...given: never[]) => {
    turn += 1
    switch (turn % 5) {
      case 0:
        throw new Error('thrown')
      case 1:
        return Promise.reject(null)
      case 2:
        return () => 'garbage'
      case 3:
        return Promise.resolve(Symbol('garbage'))
      default:
        return well(...given)
    }
  }) as never
}

const hostile: Plugin = {
  name: 'hostile',
  start: () => inTurn(() => {}),
  aroundAttempt: inTurn((attempt: { args: unknown }, next: () => unknown) => {
    attempt.args = [1]
    return next()
  }),
  aroundSend: inTurn((_: unknown, next: () => unknown) => next()),
  on: Object.fromEntries(
    ['received', 'started', 'succeeded', 'failed', 'retried', 'quarantined', 'workerReady', 'workerStopping'].map(
      (moment) => [moment, inTurn(() => {})],
    ),
  ),
}

const work = defineTask({
  name: 'work',
  positional: ['x?'],
  ackOnFailure: false,
  run: ({ x = 0 }: { x?: number }) => x,
})

it(`settles each of ${TASKS} tasks around which a plugin throws and returns garbage`, {
  timeout: 120_000,
}, async () => {
  const lines: Record<string, unknown>[] = []
  const write = (text: string) => {
    for (const line of text.trim().split('\n')) lines.push(JSON.parse(line))
  }
  const logger = createLogger({ level: 'warn', format: 'json', destination: { write } })
  await using scene = await startTestWorker({
    tasks: [work],
    config: { plugins: [hostile], prefetch: 100 },
    logger,
  })
  const sent: string[] = []
  for (let number = 0; sent.length < TASKS; number += 1) {
    // The plugin is around the sends of this client, too: most of them fail.
    const handle = await scene.client
      .send(work, {}, number % 7 === 0 ? { link: signature(work, {}, { ignoreResult: true }) } : {})
      .catch(() => undefined)
    if (handle !== undefined) sent.push(handle.id)
  }
  const outcomes = await Promise.all(sent.map((id) => until(scene, 'settled', id)))
  const succeeded = outcomes.filter(({ kind }) => kind === 'succeeded')
  expect(succeeded.length).toBeGreaterThan(0)
  expect(outcomes.filter(({ kind }) => kind === 'failed')).toHaveLength(TASKS - succeeded.length)
  expect(await scene.worker.isIdle()).toBe(true)
  expect(await scene.waiting()).toBe(0)
  expect(await scene.waiting('celery.failed')).toBeGreaterThanOrEqual(TASKS - succeeded.length)
  const hooks = new Set(
    lines.filter(({ event }) => event === 'plugin.failed').map(({ plugin, hook }) => `${plugin} ${hook}`),
  )
  expect([...hooks].sort()).toEqual(
    expect.arrayContaining([
      'hostile aroundAttempt',
      'hostile aroundSend',
      'hostile on.received',
      'hostile on.started',
      'hostile on.succeeded',
    ]),
  )
})
