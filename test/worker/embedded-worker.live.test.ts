import { execFile } from 'node:child_process'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { aProject, type Project } from '../support/a-project.ts'
import { brokerUrl } from '../support/services.ts'

const TASKS = `
  import { defineTask } from 'twq'

  export const add = defineTask({
    name: 'add',
    positional: ['x', 'y'],
    run({ x, y }, ctx) {
      ctx.log.child({ sum: x + y }).info('added')
      return x + y
    },
  })
`

// Prints what is left at the end, and ends by itself only where nothing is.
const PROGRAM = `
  import { createServer } from 'node:http'
  import { createClient } from 'twq/client'
  import { createWorker } from 'twq/worker'
  import { pino } from 'pino'
  import { add } from './tasks.js'

  const [broker, pool, rounds] = process.argv.slice(2)
  const lines = []
  const logger = pino({ base: { app: 'shop' } }, { write: (line) => lines.push(JSON.parse(line)) })
  const listeners = () => process.eventNames().flatMap((name) => Array(process.listenerCount(name)).fill(String(name)))
  const before = listeners()

  for (let round = 0; round < Number(rounds); round++) {
    const workers = ['a', 'b'].map((name) => {
      const config = { broker, nodeName: \`\${name}\${round}@\${pool}\`, queues: [\`\${pool}-\${name}\`] }
      return pool === 'async'
        ? createWorker({ config, tasks: [add], logger })
        : createWorker({ configFile: 'worker.config.js', env: { ...process.env, NAME: name }, logger })
    })
    const server = createServer().listen(0)
    const client = createClient({ broker })
    await Promise.all(workers.map((worker) => worker.start()))
    for (const name of ['a', 'b']) {
      const handle = await client.send(add, { x: 2, y: 3 }, { queue: \`\${pool}-\${name}\` })
      if ((await handle.result()) !== 5) process.exitCode = 1
    }
    await client.close()
    server.close()
    for (const worker of workers) if ((await worker.stop()) !== 'clean') process.exitCode = 1
  }
  const added = lines.filter(({ msg }) => msg === 'added')
  console.log(JSON.stringify({ before, after: listeners(), count: added.length, line: added[0] }))
`

const CONFIG = `
  import { defineConfig } from 'twq'

  export default defineConfig(({ env }) => ({
    broker: env.BROKER,
    nodeName: \`\${env.NAME}@threads\`,
    queues: [\`threads-\${env.NAME}\`],
    pool: 'threads',
    concurrency: 1,
    tasks: ['./tasks.js'],
  }))
`

let project: Project

beforeAll(() => {
  project = aProject({ 'tasks.js': TASKS, 'main.js': PROGRAM, 'worker.config.js': CONFIG })
  symlinkSync(join(import.meta.dirname, '../../node_modules/pino'), join(project.folder, 'node_modules/pino'))
})

afterAll(() => {
  project[Symbol.dispose]()
})

describe('workers in a program of its own choosing, with RabbitMQ', () => {
  it.each([
    ['async', 10],
    ['threads', 2],
  ] as const)('run with pool %s, and leave the program nothing that keeps it alive', async (pool, rounds) => {
    const { before, after, count, line } = await runProgram(pool, rounds)
    expect(after).toEqual(before)
    expect(count).toBe(2 * rounds)
    expect(line).toMatchObject({ level: 30, app: 'shop', task: 'add', attempt: 1, sum: 5 })
    expect(line.task_id).toEqual(expect.any(String))
  })
})

async function runProgram(pool: string, rounds: number) {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(project.folder, 'main.js'), brokerUrl(), pool, String(rounds)],
    { cwd: project.folder, env: { ...process.env, BROKER: brokerUrl() }, timeout: 120_000 },
  )
  return JSON.parse(stdout) as {
    readonly before: readonly string[]
    readonly after: readonly string[]
    readonly count: number
    readonly line: Record<string, unknown>
  }
}
