import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RabbitNode, startRabbit } from '../support/provision/rabbit.ts'
import { startRedis } from '../support/provision/redis.ts'
import { type FuzzOptions, fuzz } from './fuzz.ts'

const SEED = 20_261_129

describe('hostile messages of every kind', () => {
  let node: RabbitNode
  let folder: string
  beforeAll(async () => {
    node = await startRabbit()
    folder = await mkdtemp(join(tmpdir(), 'twq-fuzz-'))
  })
  afterAll(async () => {
    await node[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  async function expectHarmless(options: Pick<FuzzOptions, 'messages' | 'pool' | 'redis'>): Promise<void> {
    const told: string[] = []
    const onProgress = (line: string): void => void told.push(line)
    const { deaths, lost, stuck } = await fuzz({ url: node.url(), folder, seed: SEED, ...options, onProgress })
    const again = `npm run fuzz -- --seed ${SEED} --messages ${options.messages} --pool ${options.pool}`
    expect({ deaths, lost, stuck }, `${again}\n${told.join('\n')}`).toEqual({ deaths: 0, lost: 0, stuck: 0 })
  }

  it('neither end nor stop a worker, and leave every ordinary task its result', async () => {
    await expectHarmless({ messages: 3_500, pool: 'async' })
  })

  it('nor with results in Redis, among keys that somebody else wrote', async () => {
    await using redis = await startRedis()
    await expectHarmless({ messages: 1_000, pool: 'async', redis: redis.url })
  })

  it('nor where tasks run in processes', async () => {
    await expectHarmless({ messages: 500, pool: 'processes' })
  })
})
