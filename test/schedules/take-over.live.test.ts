import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createClient } from '../../src/client/create-client.ts'
import { occurrenceId } from '../../src/schedules/times/occurrence.ts'
import { aProject } from '../support/a-project.ts'
import { brokerUrl, uniqueName } from '../support/services.ts'
import { startTwqWorker, type TwqWorker } from '../support/twq-worker.ts'
import { pollUntil } from '../support/until.ts'

const TASKS = `import { appendFileSync } from 'node:fs'
import { defineTask } from 'twq'

export const tick = defineTask({ name: 'tick', run: (_args, ctx) => appendFileSync('ledger', ctx.id + '\\n') })
`

it.each(['classic', 'quorum'] as const)(
  'runs each occurrence, and again only under its id, though the worker that leads is killed: %s queues',
  async (type) => {
    const namespace = uniqueName(type)
    const queue = { name: uniqueName(type), type }
    const config = {
      tasks: ['./tasks.ts'],
      queues: [queue],
      schedulesNamespace: namespace,
      schedules: { tick: { task: 'tick', every: '1s', catchUp: 'all', queue: queue.name } },
      logLevel: 'debug',
    }
    using project = aProject({ 'worker.config.ts': `export default ${JSON.stringify(config)}\n`, 'tasks.ts': TASKS })
    await using client = createClient({ broker: brokerUrl(), schedulesNamespace: namespace, resultBackend: 'none' })
    await using workers = new Workers(project.folder)
    const ledger = join(project.folder, 'ledger')
    const ran = (): readonly string[] =>
      existsSync(ledger) ? readFileSync(ledger, 'utf8').split('\n').slice(0, -1) : []
    const idAt = (due: number): string => occurrenceId(namespace, 'tick', due)
    const untilRun = (due: number) => pollUntil('the ledger', ran, (ids) => ids.includes(idAt(due)))

    for (const name of ['a', 'b', 'c']) await workers.start(name)
    const first = (Math.floor(Date.now() / 1_000) + 1) * 1_000
    await untilRun(first)
    for (const successor of ['d', 'e']) {
      const { leader } = await client.schedules.list()
      workers.kill(leader)
      const started = workers.start(successor)
      await untilRun((Math.floor(Date.now() / 1_000) + 2) * 1_000)
      await started
    }
    const last = (Math.floor(Date.now() / 1_000) + 1) * 1_000
    await untilRun(last)

    const due = Array.from({ length: (last - first) / 1_000 + 1 }, (_, index) => idAt(first + index * 1_000))
    expect(due.filter((id) => !ran().includes(id))).toEqual([])
    // None but those of its due times, some of which were due before the first one here or after the last.
    const possible = new Set(Array.from({ length: 200 }, (_, index) => idAt(first + (index - 100) * 1_000)))
    expect(ran().filter((id) => !possible.has(id))).toEqual([])
  },
)

/** Workers of one project, by their node names. */
class Workers {
  readonly #folder: string
  readonly #all = new Map<string, TwqWorker>()

  constructor(folder: string) {
    this.#folder = folder
  }

  async start(name: string): Promise<void> {
    const args = ['-n', `${name}@twq`]
    this.#all.set(`${name}@twq`, await startTwqWorker({ project: this.#folder, broker: brokerUrl(), args }))
  }

  kill(node: string): void {
    this.#all.get(node)?.signal('SIGKILL')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const worker of this.#all.values()) await worker[Symbol.asyncDispose]()
  }
}
