import { createServer } from 'node:net'
import { expect, it } from 'vitest'
import { createClient } from '../../src/client/create-client.ts'

it('says why a question did not reach the broker, and what to do', async () => {
  await using client = createClient({ broker: `amqp://127.0.0.1:${await aPortOfNobody()}`, publishTimeout: '500ms' })
  await expect(client.inspect({ timeout: '10ms' }).active()).rejects.toMatchObject({
    code: 'TWQ_BROKER_UNREACHABLE',
    message: 'active did not reach the broker in time',
    cause: { message: expect.stringContaining('nothing listens at 127.0.0.1') },
    hint: expect.stringContaining('twq doctor'),
  })
})

async function aPortOfNobody(): Promise<number> {
  const server = createServer()
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as { readonly port: number }
  await new Promise((closed) => server.close(closed))
  return port
}
