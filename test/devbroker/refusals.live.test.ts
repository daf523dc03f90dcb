import { describe, expect, inject, it } from 'vitest'
import { brokerUrl, uniqueName } from '../support/services.ts'
import { RawClient } from './raw-client.ts'
import { answerOf, answerTo, REFUSALS } from './refusals.ts'

describe('RabbitMQ refuses', () => {
  it.each(REFUSALS)(
    '$title in the words that the embedded broker uses, or in those of its own version',
    async (refusal) => {
      const vhost = decodeURIComponent(new URL(brokerUrl()).pathname.slice(1)) || '/'
      await using client = await RawClient.open(brokerUrl())
      const expected = answerOf(refusal, inject('services').version)
      expect(await answerTo(client, refusal, uniqueName('refused'), vhost, expected)).toBe(expected)
    },
  )
})
