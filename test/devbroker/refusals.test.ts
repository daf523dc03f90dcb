import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DevBroker, startDevBroker } from '../../src/devbroker/server.ts'
import { RawClient } from './raw-client.ts'
import { answerTo, REFUSALS } from './refusals.ts'

describe('the embedded broker refuses', () => {
  let broker: DevBroker
  beforeAll(async () => {
    broker = await startDevBroker()
  })
  afterAll(() => broker.stop())

  it.each(REFUSALS)('$title as RabbitMQ does', async (refusal) => {
    await using client = await RawClient.open(broker.url)
    expect(await answerTo(client, refusal, `refused-${randomUUID().slice(0, 8)}`, '/')).toBe(refusal.answer)
  })
})
