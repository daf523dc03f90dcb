import { describe, expect, it } from 'vitest'
import { brokerUrl, uniqueName } from '../support/services.ts'
import { RawClient } from './raw-client.ts'
import { answerTo, REFUSALS } from './refusals.ts'

describe('RabbitMQ refuses', () => {
  it.each(REFUSALS)('$title in the words that the embedded broker uses', async (refusal) => {
    const vhost = decodeURIComponent(new URL(brokerUrl()).pathname.slice(1)) || '/'
    await using client = await RawClient.open(brokerUrl())
    expect(await answerTo(client, refusal, uniqueName('refused'), vhost)).toBe(refusal.answer)
  })
})
