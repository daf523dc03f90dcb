import { createClient } from 'twq'
import { callOptions, timeCalls } from '../timed-calls.ts'

/** Consecutive calls that wait for the answer, with our client; prints the times in milliseconds. */
const { url, queue, calls } = callOptions()
await using client = createClient({ broker: url, queue })
await timeCalls(calls, async () => {
  const handle = await client.send('bench.add', [1, 2])
  await handle.result({ timeout: '10s' })
})
