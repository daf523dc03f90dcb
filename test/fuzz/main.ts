import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startRabbit } from '../support/provision/rabbit.ts'
import { startRedis } from '../support/provision/redis.ts'
import { fuzz, isWell } from './fuzz.ts'

const HELP = `npm run fuzz -- [options]

Starts a RabbitMQ (and a Redis) and a worker of its own, and sends it hostile messages: tasks with every type of AMQP's
headers and properties, broken bodies, broken workflows, marks of ours that strangers wrote, remote control, events, replies,
and keys in Redis; after every fifty an ordinary task, whose result is awaited. Exits with 1 when the worker died, a result or
an answer did not come, a message was neither acknowledged nor set aside, or the worker's memory grew by 40 MB from message
10,000 on (which takes at least 12,100 messages).

  --seed <n>          what is sent; the same for the same number (1)
  --messages <n>      how many (10000)
  --pool <kind>       async, processes or threads (async)
  --backend <kind>    where results go: rpc or redis (rpc)
`

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    messages: { type: 'string', default: '10000' },
    pool: { type: 'string', default: 'async' },
    backend: { type: 'string', default: 'rpc' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

if (values.help) console.log(HELP)
else process.exitCode = await main()

async function main(): Promise<number> {
  const [seed, messages] = [Number(values.seed), Number(values.messages)]
  const { pool, backend } = values
  const known =
    (pool === 'async' || pool === 'processes' || pool === 'threads') && (backend === 'rpc' || backend === 'redis')
  if (!known || !Number.isSafeInteger(seed) || !Number.isSafeInteger(messages) || messages < 100) {
    console.error(HELP)
    return 2
  }
  const folder = await mkdtemp(join(tmpdir(), 'twq-fuzz-'))
  try {
    await using node = await startRabbit()
    await using redis = backend === 'redis' ? await startRedis() : undefined
    const onProgress = (line: string): void => console.error(line)
    const report = await fuzz({ url: node.url(), redis: redis?.url, folder, seed, messages, pool, onProgress })
    console.log(`seed ${seed}, ${pool}, ${backend}, ${Math.round(performance.now() / 1_000)} s`)
    for (const [what, figure] of Object.entries(report)) console.log(`${what.padEnd(12)} ${figure}`)
    return isWell(report) ? 0 : 1
  } finally {
    await rm(folder, { recursive: true })
  }
}
