import { randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Delivery } from '../../../src/broker/broker.ts'
import { decodeFieldTable } from '../../../src/protocol/headers/decode-field-table.ts'
import { encodeTable } from '../../../src/protocol/headers/encode-field-table.ts'
import { spliceTable } from '../../../src/protocol/headers/raw-headers.ts'
import { isMark } from '../../../src/protocol/headers/suspect.ts'
import { readQuarantined, replayOf } from '../../../src/queues/quarantine.ts'
import { publishRaw, queueOnce, take } from '../../support/raw-broker.ts'
import { sameTable } from '../../support/same-table.ts'
import { brokerUrl, uniqueName } from '../../support/services.ts'
import { tempFolder } from '../../support/temp-folder.ts'
import { startTwqWorker } from '../../support/twq-worker.ts'
import { pollUntil } from '../../support/until.ts'

// The last one leaves no room in its frame for a mark of ours.
const SIZES = [0, 30_000, 65_000, 70_000, 120_000, 130_900]
const BODY = Buffer.from('[[], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]')

const TASKS = `
import { appendFileSync } from 'node:fs'
import { defineTask } from 'twq'

const note = (ctx) => appendFileSync(process.env.LEDGER, ctx.id + '\\n')
export const again = defineTask({
  name: 'again',
  retry: { limit: 2, delay: { base: '50ms' } },
  run: (_, ctx) => {
    note(ctx)
    throw new Error('again')
  },
})
export const kills = defineTask({ name: 'kills', run: (_, ctx) => { note(ctx); process.exit(1) } })
export const later = defineTask({ name: 'later', run: (_, ctx) => note(ctx) })
`

/** The bytes of a task's headers, padded to `size` with a value that no encoder of ours would write. */
function headersOf(task: string, id: string, size: number, more: object = {}): Buffer {
  const time = Buffer.concat([Buffer.from([4]), Buffer.from('when'), Buffer.from('54ffffffffffffffff', 'hex')])
  const own = { lang: 'py', task, id, root_id: id, parent_id: null, retries: 0, eta: null, expires: null, ...more }
  const known = Buffer.concat([time, encodeTable(own)])
  const room = size - known.length - 'token'.length - 6
  return room <= 0 ? known : Buffer.concat([known, encodeTable({ token: 'y'.repeat(room) })])
}

it('messages with headers of every size are retried, delayed, counted and set aside, with the bytes that they came with', async () => {
  const ledger = join(tempFolder(), 'ledger')
  writeFileSync(ledger, '')
  const queue = uniqueName('large')
  const sent = new Map<string, { task: string; size: number; rawHeaders: Buffer }>()
  const worker = await startTwqWorker({
    broker: brokerUrl(),
    tasks: TASKS,
    env: { LEDGER: ledger },
    config: { queues: [queue], pool: 'processes', concurrency: 2, holdFor: '1s', delayedDelivery: 'always' },
  })
  await using _worker = worker
  for (const size of SIZES) {
    for (const task of ['again', 'kills', 'later', 'unknown']) {
      const id = randomUUID()
      const eta = new Date(Date.now() + 4_000).toISOString()
      const rawHeaders = headersOf(task, id, size, task === 'later' ? { eta } : {})
      sent.set(id, { task, size, rawHeaders })
      const properties = {
        contentType: 'application/json',
        contentEncoding: 'utf-8',
        correlationId: id,
        deliveryMode: 2,
      }
      await publishRaw(queue, { properties, rawHeaders, body: BODY })
    }
  }

  const starts = (): Map<string, number> => {
    const counts = new Map<string, number>()
    for (const id of readFileSync(ledger, 'utf8').split('\n').filter(Boolean)) counts.set(id, (counts.get(id) ?? 0) + 1)
    return counts
  }
  const startsOf = (task: string): number[] =>
    [...sent].filter(([, message]) => message.task === task).map(([id]) => starts().get(id) ?? 0)

  await pollUntil(
    'later',
    () => startsOf('later'),
    (counts) => counts.every((count) => count >= 1),
  )
  await pollUntil(
    'again',
    () => startsOf('again').slice(0, -1),
    (counts) => counts.every((count) => count >= 3),
  )
  await pollUntil(
    'kills',
    () => startsOf('kills'),
    (counts) => counts.every((count) => count >= 3),
  )
  const aside = await queueOnce(`${queue}.quarantine`, ({ messages }) => messages >= 2 * SIZES.length)
  expect(aside.messages).toBeLessThanOrEqual(2 * SIZES.length + 1)
  expect(startsOf('kills')).toEqual(SIZES.map(() => 3))
  expect(startsOf('later')).toEqual(SIZES.map(() => 1))
  expect(startsOf('again').slice(0, -1)).toEqual(SIZES.slice(1).map(() => 3))
  expect(startsOf('unknown')).toEqual(SIZES.map(() => 0))
  // The retry of the largest can't be written, since its headers grow: that ends, too.
  expect(startsOf('again').at(-1)).toBeLessThanOrEqual(3)
  expect(worker.records('message.stuck')).toEqual([])
  worker.signal('SIGTERM')
  await worker.exit

  const count = (await queueOnce(`${queue}.quarantine`, () => true)).messages
  for (const delivery of await take(`${queue}.quarantine`, count)) {
    const message = readQuarantined(delivery)
    const original = sent.get(message.id ?? '')
    expect(original).toBeDefined()
    expect(differenceOf(message.original?.message.rawHeaders, original?.rawHeaders)).toBe('none')
    const replay = replayOf(message, delivery)
    if (replay !== undefined) await publishRaw(queue, replay.message)
  }
  for (const delivery of await take(queue, count)) {
    const original = sent.get(idOf(delivery))
    // Those that killed their process are marked, if there is room for that.
    const withoutMark = spliceTable(delivery.rawHeaders ?? Buffer.alloc(0), { drop: isMark })
    expect(differenceOf(withoutMark, original?.rawHeaders)).toBe('none')
    expect(Buffer.from(delivery.body).toString()).toBe(BODY.toString())
  }
}, 180_000)

function idOf({ headers }: Delivery): string {
  return String(headers.id)
}

/** In what two tables differ, short enough to be shown. */
function differenceOf(found: Uint8Array | undefined, expected: Uint8Array | undefined): string {
  const [a, b] = [Buffer.from(found ?? []), Buffer.from(expected ?? [])]
  if (sameTable(a, b)) return 'none'
  const keys = (table: Buffer): string => Object.keys(decodeFieldTable(table).fields).join(' ')
  return `${a.length} bytes (${keys(a)}) for ${b.length} (${keys(b)})`
}
