import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { brokerUrl } from '../support/services.ts'
import { deadLetterTrips } from './dead-letter-trips.ts'
import { RawClient } from './raw-client.ts'

it('records RabbitMQ faithfully', async () => {
  const recorded = JSON.parse(readFileSync(new URL('../golden/dead-letters.json', import.meta.url), 'utf8'))
  await using client = await RawClient.open(brokerUrl())
  expect(await deadLetterTrips(client)).toEqual(recorded.trips)
})
