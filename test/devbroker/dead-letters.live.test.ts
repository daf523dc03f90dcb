import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { brokerFacts } from '../support/broker-facts.ts'
import { brokerUrl } from '../support/services.ts'
import { deadLetterTrips } from './dead-letter-trips.ts'
import { RawClient } from './raw-client.ts'

it('records RabbitMQ faithfully', async () => {
  const recorded = JSON.parse(readFileSync(new URL(`../golden/${recording()}`, import.meta.url), 'utf8'))
  await using client = await RawClient.open(brokerUrl())
  expect(await deadLetterTrips(client)).toEqual(recorded.trips)
})

/** From 4.0 on RabbitMQ orders the keys of header tables, and adds `x-last-death-*`. */
function recording(): string {
  return brokerFacts().keepsHeaderBytes ? 'dead-letters.json' : 'dead-letters-4.json'
}
