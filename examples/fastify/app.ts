import { createClient } from 'twq/client'
import { createServer } from './server.ts'

const { TWQ_BROKER, TWQ_RESULT_BACKEND = 'rpc://', QUEUE = 'fastify-example', PORT = '3000' } = process.env

const client = createClient({
  broker: TWQ_BROKER,
  resultBackend: TWQ_RESULT_BACKEND,
  queue: QUEUE,
  // A request waits for the broker: give up sooner than after the ten seconds that are usual.
  publishTimeout: '5s',
})
const server = await createServer(client)
// What is under way is answered first; the process ends by itself when nothing is left to do.
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void server.close())
console.log(`listening on ${await server.listen({ host: '127.0.0.1', port: Number(PORT) })}`)
