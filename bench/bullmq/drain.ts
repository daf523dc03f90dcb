import { parseArgs } from 'node:util'
import { Queue, Worker } from 'bullmq'

/**
 * BullMQ on its Redis: fills a queue with `--count` jobs, then processes it with `--concurrency` at once, each result stored as
 * BullMQ does by default; prints the completed jobs per second, from the first to the last.
 */
const { values } = parseArgs({
  options: {
    redis: { type: 'string', default: '' },
    queue: { type: 'string', default: '' },
    count: { type: 'string', default: '0' },
    concurrency: { type: 'string', default: '100' },
  },
})
const { hostname: host, port } = new URL(values.redis)
const connection = { host, port: Number(port) }
const count = Number(values.count)
const queue = new Queue(values.queue, { connection })
for (let sent = 0; sent < count; sent += 1000) {
  const jobs = Array.from({ length: Math.min(1000, count - sent) }, () => ({ name: 'add', data: [1, 2] }))
  await queue.addBulk(jobs)
}
let ended = 0
let first = 0
const done = new Promise<number>((resolve) => {
  const worker = new Worker(values.queue, async ({ data: [x, y] }: { data: number[] }) => x! + y!, {
    connection,
    concurrency: Number(values.concurrency),
  })
  worker.on('completed', () => {
    ended += 1
    if (ended === 1) first = performance.now()
    if (ended === count) {
      const last = performance.now()
      void worker.close().then(() => resolve(last))
    }
  })
})
const perSecond = (count - 1) / (((await done) - first) / 1000)
await queue.obliterate({ force: true })
await queue.close()
process.stdout.write(`${JSON.stringify({ perSecond })}\n`)
