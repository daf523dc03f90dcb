import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { managementApi } from '../../src/queues/management.ts'

const BROKER = 'amqp://ada:secret@localhost:5672/my%2Fhost'

/** Answers as RabbitMQ's management plugin does; resolves with its URL. */
async function aManagement(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe("RabbitMQ's management API", () => {
  it("is asked for the queues of the broker's vhost, page by page, as the broker's user", async () => {
    const asked: string[] = []
    const url = await aManagement((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://x')
      const page = Number(searchParams.get('page'))
      asked.push(`${pathname} ${page} ${Buffer.from(request.headers.authorization?.slice(6) ?? '', 'base64')}`)
      const queue = {
        name: `q${page}`,
        type: 'quorum',
        state: 'running',
        messages_ready: 3,
        messages_unacknowledged: 1,
        consumers: 2,
        durable: true,
        arguments: { 'x-queue-type': 'quorum' },
        message_stats: { publish_details: { rate: 1.5 } },
        members: ['a@x', 'b@x', 'c@x'],
        online: ['a@x'],
      }
      response.end(JSON.stringify({ page_count: 2, items: [queue] }))
    })
    const queues = await managementApi(url, BROKER, 5_000).queues()
    expect(asked).toEqual(['/api/queues/my%2Fhost 1 ada:secret', '/api/queues/my%2Fhost 2 ada:secret'])
    expect(queues.map(({ name }) => name)).toEqual(['q1', 'q2'])
    expect(queues[0]).toMatchObject({
      type: 'quorum',
      state: 'minority',
      ready: 3,
      unacked: 1,
      consumers: 2,
      published: 1.5,
      delivered: 0,
      headTime: undefined,
      members: 3,
      online: 1,
    })
  })

  it.each([
    [{ state: 'running', members: ['a', 'b', 'c'], online: ['a', 'b'] }, 'running'],
    [{ state: 'running', members: ['a', 'b', 'c'], online: ['a'] }, 'minority'],
    // What RabbitMQ answers in the seconds after it lost two nodes.
    [{ state: 'minority', members: ['a', 'b', 'c'], online: ['a', 'b', 'c'] }, 'minority'],
    [{ state: 'down' }, 'down'],
  ])('reads of %j that it is %s', async (queue, state) => {
    const url = await aManagement((_, response) =>
      response.end(JSON.stringify({ page_count: 1, items: [{ name: 'q', ...queue }] })),
    )
    expect(await managementApi(url, BROKER, 5_000).queues()).toMatchObject([{ name: 'q', state }])
  })

  it('has no counts of a queue whose node has sent no statistics', async () => {
    const url = await aManagement((_, response) =>
      response.end(JSON.stringify({ page_count: 1, items: [{ name: 'q', type: 'quorum', state: 'running' }] })),
    )
    const counts = { ready: undefined, unacked: undefined, consumers: undefined }
    expect(await managementApi(url, BROKER, 5_000).queues()).toMatchObject([counts])
  })

  it('says what is missing when it refuses', async () => {
    const url = await aManagement((_, response) => response.writeHead(401).end())
    await expect(managementApi(url, BROKER, 5_000).queues()).rejects.toMatchObject({
      code: 'TWQ_MANAGEMENT',
      hint: 'The user ada needs the tag "management": rabbitmqctl set_user_tags ada management',
    })
  })

  it('may be something else, or absent', async () => {
    const url = await aManagement((_, response) => response.end('<html>'))
    await expect(managementApi(url, BROKER, 5_000).queues()).rejects.toMatchObject({ code: 'TWQ_MANAGEMENT' })
    await expect(managementApi('http://127.0.0.1:1', BROKER, 5_000).queues()).rejects.toMatchObject({
      code: 'TWQ_MANAGEMENT',
    })
    expect(() => managementApi('localhost:15672', BROKER, 5_000)).toThrow('must be a URL')
  })
})
