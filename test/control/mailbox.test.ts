import { randomUUID } from 'node:crypto'
import { expect, it, onTestFinished } from 'vitest'
import type { Channel } from '../../src/broker/broker.ts'
import { createMemoryBroker } from '../../src/broker/memory/broker.ts'
import { declarePidboxReplies, PIDBOX_EXCHANGE, PIDBOX_REPLY_EXCHANGE, pidboxReplies } from '../../src/broker/pidbox.ts'
import { commandTable } from '../../src/control/command.ts'
import { commands } from '../../src/control/commands/all.ts'
import { Mailbox } from '../../src/control/mailbox.ts'
import type { WorkerView } from '../../src/control/worker-view.ts'
import { LamportClock } from '../../src/protocol/remote/lamport-clock.ts'
import { decodeReply, encodeRequest } from '../../src/protocol/remote/pidbox.ts'
import type { Json, JsonObject } from '../../src/runtime/json.ts'
import { createLogger } from '../../src/runtime/log/logger.ts'
import { deferred } from '../../src/runtime/time/deferred.ts'
import { Revocations } from '../../src/worker/request/revocations.ts'
import { ManualClock } from '../support/manual-clock.ts'

const LONG = 'x'.repeat(300_000)

/** A mailbox on a broker in memory, what it logged, and a peer that asks. */
async function aMailbox() {
  const broker = createMemoryBroker()
  const connection = await broker.connect()
  const channel = await connection.openChannel()
  const lines: string[] = []
  const revocations = new Revocations(new ManualClock())
  const worker: Partial<WorkerView> = {
    node: 'w@test',
    revoke: (ids) => revocations.revoke(ids),
    revokeStamped: (stamps) => revocations.revokeStamped(stamps),
    revoked: () => revocations.ids(),
    learnRevoked: (ids) => revocations.revoke(ids),
    takesRevocations: true,
    terminate: () => [],
    limitRate: () => false,
    limitTime: () => false,
    active: () => [],
    reserved: () => [],
    scheduled: () => [],
    tasks: () => [],
    tick: () => 1,
    confDefaults: {},
    conf: {},
    autoscaler: { info: () => ({ max: 1, min: 1, current: 1, qty: 1 }), update: () => ({ max: 1, min: 1 }) },
  }
  const mailbox = new Mailbox({
    worker: worker as WorkerView,
    commands: commandTable(commands),
    allows: () => true,
    changes: (command) => command === 'revoke',
    lamport: new LamportClock(),
    clock: new ManualClock(),
    logger: createLogger({ level: 'debug', format: 'json', destination: { write: (line) => lines.push(line) } }),
  })
  const over = new AbortController()
  onTestFinished(() => over.abort())
  const apart = { withChannel: async <T>(use: (channel: Channel) => Promise<T>) => await use(channel) }
  await mailbox.setup(channel, connection.server, { apart, over: over.signal })
  const oid = randomUUID()
  await declarePidboxReplies(channel, oid, connection.server)
  let answered = deferred<Json>()
  await channel.consume(
    pidboxReplies(oid),
    (delivery) => {
      const reply = decodeReply(delivery)
      if (reply.kind === 'reply') answered.resolve(reply.replies[0]?.value ?? null)
    },
    { noAck: true },
  )
  return {
    lines,
    revocations,
    async ask(method: string, args: JsonObject): Promise<Json> {
      answered = deferred()
      const replyTo = { exchange: PIDBOX_REPLY_EXCHANGE, routingKey: oid }
      const request = encodeRequest({ method, arguments: args, ticket: 't', replyTo, clock: 1 })
      await channel.publish({ exchange: PIDBOX_EXCHANGE, routingKey: '' }, request)
      return await answered.promise
    },
  }
}

const HOSTILE: readonly JsonObject[] = [
  { [LONG]: 1 },
  { task_id: LONG },
  { task_id: [LONG], terminate: true, signal: LONG.toUpperCase() },
  { task_id: 'a', terminate: true, signal: LONG.toUpperCase() },
  { task_id: Array.from({ length: 50_001 }, (_, index) => String(index)) },
  { task_id: [[LONG]] },
  { headers: { [LONG]: LONG } },
  { headers: { a: LONG } },
  { headers: [LONG] },
  { headers: ['a'.repeat(200)] },
  { headers: LONG },
  { ids: [LONG] },
  { ids: LONG },
  { revoked: { [LONG]: [1, LONG] }, from_node: LONG },
  { task_name: LONG, rate_limit: LONG, soft: LONG, hard: LONG },
  { task_name: 'a', rate_limit: LONG },
  { task_name: { a: LONG }, rate_limit: `1${' '.repeat(200_000)}x` },
  { queue: LONG, exchange: LONG, routing_key: LONG },
  { queue: 'a', queue_arguments: { [LONG]: LONG } },
  { n: LONG, max: LONG, min: LONG },
  { taskinfoitems: [LONG], with_defaults: LONG },
  { id: LONG, topic: LONG, action: LONG },
  { num: LONG, max_depth: LONG, type: LONG },
]

it.each(commands.map(({ name }) => name).filter((name) => !['shutdown', 'stats', 'report', 'clock'].includes(name)))(
  'repeats no more than a thousand characters of what the wire brought: %s',
  async (name) => {
    const { lines, ask, revocations } = await aMailbox()
    for (const args of HOSTILE) {
      const reply = JSON.stringify(await ask(name, args))
      expect(reply.length).toBeLessThan(20_000)
      expect(reply).not.toContain('x'.repeat(1_001))
    }
    for (const line of lines) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(8_192)
    expect(JSON.stringify(revocations.save()).length).toBeLessThan(20_000)
  },
)

it('says in Python’s words that no task has such an id', async () => {
  const { ask, revocations } = await aMailbox()
  expect(await ask('revoke', { task_id: ['a', 'x'.repeat(256)] })).toEqual({
    error: "ValueError('task_id must be a text of at most 255 bytes')",
  })
  expect(revocations.ids()).toEqual([])
  expect(await ask('revoke', { task_id: 'x'.repeat(255) })).toMatchObject({ ok: expect.any(String) })
})

it('answers an unknown command of any length in a line', async () => {
  const { ask } = await aMailbox()
  expect(JSON.stringify(await ask(LONG, {})).length).toBeLessThan(1_100)
})

it('says hello with all that is revoked in less than a peer takes', async () => {
  const { ask, revocations } = await aMailbox()
  revocations.revoke(Array.from({ length: 50_000 }, (_, index) => String(index).padStart(255, '"')))
  const reply = JSON.stringify(await ask('hello', { from_node: 'other@test', revoked: {} }))
  expect(Buffer.byteLength(reply)).toBeLessThan(16 * 1024 * 1024)
})
