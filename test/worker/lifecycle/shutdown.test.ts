import { expect, it } from 'vitest'
import type { ResultBackendDefinition } from '../../../src/index.ts'
import type { ReadingParts } from '../../../src/results/reader.ts'
import { createLogger } from '../../../src/runtime/log/logger.ts'
import { deferred } from '../../../src/runtime/time/deferred.ts'
import { startTestWorker } from '../../../src/testing/test-worker.ts'
import { heldTask } from '../../support/held-task.ts'
import { mapResults } from '../../support/map-results.ts'
import { add } from '../../support/sample-tasks.ts'
import { Journal } from '../../support/until.ts'

it('is clean, though cold, where nothing has to be ended', async () => {
  await using scene = await startTestWorker({ tasks: [add] })
  expect(await scene.worker.stop('cold')).toBe('clean')
})

it('tells tasks that ignore its abort from those whose outcomes can not be settled', async () => {
  const log = new Journal<Record<string, unknown>>()
  const destination = { write: (line: string) => void log.push(JSON.parse(line)) }
  const storing = deferred<void>()
  const deaf = heldTask()
  await using scene = await startTestWorker({
    tasks: [add, deaf.task],
    config: { resultBackend: storesNothing(storing.resolve), shutdown: { grace: '1s', abort: '1s' } },
    logger: createLogger({ level: 'info', format: 'json', destination }),
  })
  await scene.client.send(add, { x: 2, y: 3 })
  await scene.client.send(deaf.task, { n: 0 })
  await Promise.all([storing.promise, deaf.started])
  const stopped = scene.worker.stop('warm')
  const told = async (wanted: string) => await log.until(({ event }) => event === wanted)
  expect(await told('worker.draining')).toMatchObject({ running: 2 })
  await scene.clock.pass('1s')
  expect(await told('worker.aborting')).toMatchObject({ running: 1 })
  await scene.clock.pass('1s')
  expect(await told('worker.abandoning')).toMatchObject({ running: 1, unsettled: 1 })
  await scene.clock.pass('2s')
  expect(await stopped).toBe('forced')
})

it.each<[string, () => Promise<void>]>([
  ['rejects', () => Promise.reject(new Error('not now'))],
  [
    'throws',
    () => {
      throw new Error('not now')
    },
  ],
  ['does not end', () => new Promise(() => {})],
])('ends, and tells why, where the connection of a result backend %s as it is closed', async (_what, stop) => {
  const log = new Journal<Record<string, unknown>>()
  const destination = { write: (line: string) => void log.push(JSON.parse(line)) }
  const { openBackend, ...rest } = mapResults()
  const service = { name: 'own', start: async () => {}, stop }
  const resultBackend: ResultBackendDefinition = {
    ...rest,
    openBackend: (...parts) => ({ ...openBackend(...parts), service }),
  }
  const logger = createLogger({ level: 'info', format: 'json', destination })
  await using scene = await startTestWorker({ tasks: [add], config: { resultBackend }, logger })
  expect(await scene.worker.stop('warm')).toBe('clean')
  expect(await scene.worker.stopped).toBe('clean')
  expect(await log.until(({ event }) => event === 'results.not-closed')).toMatchObject({ level: 'error' })
})

it('ends where what reads the results of a result backend can not be closed', async () => {
  const { openReader, ...rest } = mapResults()
  const failing = { [Symbol.asyncDispose]: () => Promise.reject(new Error('not now')) }
  const resultBackend = { ...rest, openReader: (parts: ReadingParts) => ({ ...openReader?.(parts), ...failing }) }
  const scene = await startTestWorker({
    tasks: [add],
    config: { resultBackend: resultBackend as ResultBackendDefinition },
  })
  expect(await scene.worker.stop('warm')).toBe('clean')
  await expect(scene.client.close()).rejects.toThrow('not now')
})

/** A result backend that never has an answer to a result; `onStore` hears of each. */
function storesNothing(onStore: () => void): ResultBackendDefinition {
  const { openBackend, ...rest } = mapResults()
  return {
    ...rest,
    openBackend: (...parts) => ({
      ...openBackend(...parts),
      store: () => {
        onStore()
        return new Promise(() => {})
      },
    }),
  }
}
