import { createClient } from 'twq/client'
import { createServer } from './server.ts'

const { TWQ_BROKER, TWQ_RESULT_BACKEND = 'rpc://', QUEUE = 'fastify-example', PORT = '3000' } = process.env

const client = createClient({
  broker: TWQ_BROKER,
  resultBackend: TWQ_RESULT_BACKEND,
  queue: QUEUE,
  // Requests wait for the broker, so give up before the default of ten seconds.
  publishTimeout: '5s',
})
const server = await createServer(client)
// Requests in progress are answered first; then nothing keeps the process running.
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void server.close())
console.log(`listening on ${await server.listen({ host: '127.0.0.1', port: Number(PORT) })}`)
