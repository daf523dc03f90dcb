import { createClient } from 'twq'
import { callOptions, timeBurst } from '../timed-calls.ts'

/** Publishes task messages with confirms, many concurrently, with our client; prints messages per second. */
const { url, queue, calls } = callOptions()
await using client = createClient({ broker: url, queue })
await timeBurst(calls, () => client.send('bench.add', [1, 2]))
