import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { examineResults } from '../../src/cli/doctor/examine-results.ts'
import { workerBanner } from '../../src/cli/worker/banner.ts'
import { createClientOf } from '../../src/client/create-client.ts'
import { resolveConfig } from '../../src/config/resolve-config.ts'
import {
  type Config,
  chord,
  createClient,
  defineTask,
  type ResultBackendDefinition,
  signature,
} from '../../src/index.ts'
import { knownResultBackends } from '../../src/results/kinds/all.ts'
import { startTestWorker, type TestWorker } from '../../src/testing.ts'
import { celeryConf } from '../../src/worker/remote/celery-conf.ts'
import { mapResults } from '../support/map-results.ts'

const add = defineTask({
  name: 'add',
  positional: ['x', 'y'],
  run: ({ x, y }: { x: number; y: number }) => x + y,
})

describe('a result backend of one’s own', () => {
  const resultBackend = mapResults('own')
  let scene: TestWorker
  beforeAll(async () => {
    scene = await startTestWorker({ tasks: [add], config: { resultBackend } })
  })
  afterAll(() => scene?.[Symbol.asyncDispose]())

  it('takes the results of a worker to its client, and to any other', async () => {
    const handle = await scene.client.send(add, { x: 2, y: 3 })
    expect(await handle.result()).toBe(5)
    await using stranger = createClientOf(scene.broker, scene.clock, { resultBackend })
    expect(await stranger.result(add, handle.id).result()).toBe(5)
  })

  it('is not read by a client that has another', async () => {
    const handle = await scene.client.send(add, { x: 2, y: 3 })
    await handle.result()
    await using stranger = createClientOf(scene.broker, scene.clock, { resultBackend: mapResults('another') })
    expect(await stranger.result(handle.id).state()).toBe('PENDING')
  })

  it('has chords refused, before anything is sent, where it joins none', async () => {
    const sent = scene.client.send(chord([signature(add, { x: 1, y: 2 })], signature('sum')))
    await expect(sent).rejects.toMatchObject({ code: 'TWQ_CHORD_UNSUPPORTED' })
  })

  it('breaks the waits of its readers when their client closes', async () => {
    const client = createClientOf(scene.broker, scene.clock, { resultBackend })
    const waiting = client.result('never sent').result()
    await client.close()
    await expect(waiting).rejects.toMatchObject({ code: 'TWQ_CLOSED' })
  })

  it('is chosen by createClient, too', async () => {
    await using client = createClient({ broker: 'amqp://127.0.0.1:1', resultBackend })
    expect(await client.result('never sent').record()).toBeUndefined()
  })
})

describe('of a result backend of one’s own', () => {
  const own = (over: Partial<ResultBackendDefinition> = {}): Config =>
    configured({ resultBackend: { ...mapResults('shown'), ...over } })

  it('the banner says where results are', () => {
    const facts = { config: own(), file: undefined, brokerFrom: 'default', taskNames: [], pid: 1, version: '1' }
    expect(workerBanner(facts)).toMatch(/^ {2}results +the map shown$/m)
  })

  it('remote control shows the same, or what Celery calls it', () => {
    expect(celeryConf(own())).toMatchObject({ result_backend: 'the map shown' })
    expect(celeryConf(own({ celeryName: 'map+shown://' }))).toMatchObject({ result_backend: 'map+shown://' })
  })

  it('the doctor says what it found, or why it could not look', async () => {
    const check = 'result backend'
    expect(await examineResults(own(), 1_000)).toMatchObject({
      check,
      status: 'ok',
      what: '0 results are in the map shown',
    })
    const broken = own({ examine: () => Promise.reject(new Error('it is full')) })
    expect(await examineResults(broken, 1_000)).toMatchObject({
      check,
      status: 'error',
      what: 'the map shown: it is full',
    })
  })

  it('the configuration asks for its parts, and lets a flag choose another', () => {
    expect(() => configured({ resultBackend: { shown: 'the map' } })).toThrow(
      /resultBackend must be the name or URL of a/,
    )
    const file = { path: 'worker.config.ts', content: { resultBackend: mapResults() } }
    const flags = { resultBackend: 'none' }
    expect(resolveConfig({ file, flags, resultBackends: knownResultBackends, baseDir: '/' }).resultBackend).toBe('none')
  })
})

function configured(content: Readonly<Record<string, unknown>>): Config {
  return resolveConfig({
    file: { path: 'worker.config.ts', content },
    resultBackends: knownResultBackends,
    baseDir: '/',
  })
}
