import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { startDevBroker } from '../../src/devbroker/server.ts'
import { deadLetterTrips } from './dead-letter-trips.ts'
import { RawClient } from './raw-client.ts'

it('writes the record of a death byte for byte as RabbitMQ did', async () => {
  const recorded = JSON.parse(readFileSync(new URL('../golden/dead-letters.json', import.meta.url), 'utf8'))
  await using broker = await startDevBroker()
  await using client = await RawClient.open(broker.url)
  expect(await deadLetterTrips(client)).toEqual(recorded.trips)
})
