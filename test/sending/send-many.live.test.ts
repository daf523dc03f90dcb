import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Client, createClient } from '../../src/client/create-client.ts'
import { queueOnce, withChannel } from '../support/raw-broker.ts'
import { brokerUrl, uniqueName } from '../support/services.ts'

const MANY = 100_000
const MIB = 1024 * 1024
// All of the arguments together: three times what the process may grow by.
const ROW = 'x'.repeat((3 * 128 * MIB) / MANY)

let client: Client
const queue = uniqueName('many')

beforeAll(() => {
  client = createClient({ broker: brokerUrl(), queue, publishTimeout: '60s' })
})

afterAll(async () => {
  await client.close()
  await withChannel((channel) => channel.deleteQueue(queue))
})

it('sends a hundred thousand tasks in one call, in memory for a few', async () => {
  await client.sendMany('store', rows(1_000), { ignoreResult: true }).confirmed()
  const before = process.memoryUsage().rss
  let most = before
  let count = 0
  for await (const { id } of client.sendMany('store', rows(MANY), { ignoreResult: true })) {
    expect(id.length).toBe(36)
    if (++count % 1_000 === 0) most = Math.max(most, process.memoryUsage().rss)
  }
  expect(count).toBe(MANY)
  expect((most - before) / MIB).toBeLessThan(128)
  await queueOnce(queue, ({ messages }) => messages === MANY + 1_000)
})

function* rows(count: number): Generator<readonly [number, string]> {
  for (let n = 0; n < count; n++) yield [n, `${n} ${ROW}`]
}
