import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { amqpBroker } from '../../src/broker/amqp/amqp-broker.ts'
import type { Channel, Connection } from '../../src/broker/broker.ts'
import { declarePidboxReplies, PIDBOX_EXCHANGE } from '../../src/broker/pidbox.ts'
import { decodeReply } from '../../src/protocol/remote/pidbox.ts'
import type { Json } from '../../src/runtime/json.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import { type Captured, golden, wireOf } from '../protocol/golden.ts'
import { aWorker, type WorkerScene } from '../support/a-worker.ts'
import { brokerUrl } from '../support/services.ts'
import { Journal } from '../support/until.ts'

// What Flower asked a worker in Python, byte by byte, and what that answered.

interface Request {
  readonly method: string
  readonly ticket?: string
  readonly reply_to?: { readonly routing_key: string }
}

const captured = golden('control.json')
const bodyOf = (message: Captured) => JSON.parse(message.body as string) as unknown
const requests = captured.filter(({ case: name }) => /^control-request-.*-flower-flower-/.test(name))
const replies = captured.filter(({ case: name }) => /^control-reply-.*-flower-flower-/.test(name))
const asked = requests.map((message) => ({ message, request: bodyOf(message) as Request }))

const add = defineTask({ name: 'add', positional: ['x', 'y'], run: ({ x, y }: { x: number; y: number }) => x + y })

let scene: WorkerScene
let connection: Connection
let channel: Channel
const heard = new Journal<{ readonly ticket: string | null; readonly node: string; readonly value: Json }>()

beforeAll(async () => {
  scene = await aWorker([add])
  connection = await amqpBroker({ url: brokerUrl(), heartbeat: 10_000, name: 'flower' }).connect()
  channel = await connection.openChannel()
})

afterAll(async () => {
  await connection?.[Symbol.asyncDispose]()
  await scene?.[Symbol.asyncDispose]()
})

/** Sends a captured request as it was, and waits for the answer of our worker. */
async function answerTo({ message, request }: (typeof asked)[number]): Promise<Json> {
  const oid = request.reply_to?.routing_key as string
  const queue = await declarePidboxReplies(channel, oid, connection.server)
  const { cancel } = await channel.consume(
    queue,
    (delivery) => {
      const decoded = decodeReply(delivery)
      if (decoded.kind !== 'reply') return
      for (const { node, value } of decoded.replies) heard.push({ ticket: decoded.ticket, node, value })
    },
    { noAck: true },
  )
  await channel.publish({ exchange: PIDBOX_EXCHANGE, routingKey: '' }, wireOf(message))
  const { value, node } = await heard.until(({ ticket }) => ticket === request.ticket)
  await cancel()
  expect(node).toBe(scene.worker.node)
  return value
}

/** What Python's worker answered to the request. */
function pythonsAnswer({ ticket }: Request): Json {
  const reply = replies.find(({ headers }) => headers.ticket === ticket)
  if (reply === undefined) throw new Error(`no captured reply to ${ticket}`)
  return Object.values(bodyOf(reply) as Record<string, Json>)[0] as Json
}

const EIGHT = ['stats', 'active_queues', 'registered', 'scheduled', 'active', 'reserved', 'revoked', 'conf']
const calls = asked.filter(({ request }) => EIGHT.includes(request.method))

describe("Flower's calls", () => {
  it('are all there', () => {
    expect([...new Set(calls.map(({ request }) => request.method))].sort()).toEqual([...EIGHT].sort())
  })

  it.each(calls.map((call) => ({ ...call, title: call.message.case })))('$title is answered in kind', async (call) => {
    const ours = await answerTo(call)
    const python = pythonsAnswer(call.request)
    expect(Array.isArray(ours)).toBe(Array.isArray(python))
    switch (call.request.method) {
      case 'stats':
        // Without the maps Flower shows no worker at all.
        expect(ours).toMatchObject({ broker: expect.any(Object), pool: expect.any(Object), total: expect.any(Object) })
        expect(Object.keys(ours as object)).toEqual(expect.arrayContaining(Object.keys(python as object)))
        expect(ours).toMatchObject({ pid: process.pid, clock: expect.any(String), prefetch_count: expect.any(Number) })
        break
      case 'active_queues': {
        const [queue] = ours as Record<string, Json>[]
        const [theirs] = python as Record<string, Json>[]
        expect(Object.keys(queue as object).sort()).toEqual(Object.keys(theirs as object).sort())
        expect(queue).toMatchObject({ name: scene.queue, routing_key: scene.queue, no_ack: false })
        break
      }
      case 'registered':
        expect(ours).toEqual(['add'])
        break
      case 'conf':
        expect(JSON.stringify(ours)).not.toContain('guest:guest')
        expect(ours).toMatchObject({ broker_url: expect.stringContaining('guest:********@') })
        break
      default:
        expect(ours).toEqual([])
    }
  })
})
