import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { aProject, type Project } from '../support/a-project.ts'
import type { RabbitNode } from '../support/provision/rabbit.ts'
import { startTwqWorker, type TwqWorker } from '../support/twq-worker.ts'
import { pollUntil } from '../support/until.ts'

/** What ran of an entry that workers have two definitions of. */
export interface DefinitionsReport {
  /** Restarts of workers with the older definition, and with the newer one. */
  readonly restarts: { readonly old: number; readonly new: number }
  /** Runs from the first of the newer definition on, by definition. */
  readonly after: { readonly old: number; readonly new: number }
}

type Definition = 'old' | 'new'

/** Two workers with the older definition of an entry and two with the newer one are started again, in turn and in any way, for so many seconds. */
export async function restartDefinitions(
  node: RabbitNode,
  { type, seconds }: { readonly type: 'classic' | 'quorum'; readonly seconds: number },
): Promise<DefinitionsReport> {
  const namespace = randomUUID()
  using old = projectOf('old', { node, type, namespace })
  using newer = projectOf('new', { node, type, namespace, ledger: join(old.folder, 'ledger') })
  const folders = { old: old.folder, new: newer.folder }
  const workers: { readonly definition: Definition; worker: TwqWorker }[] = []
  await using _all = { [Symbol.asyncDispose]: () => endAll(workers.map(({ worker }) => worker)) }
  const start = (definition: Definition) => startTwqWorker({ project: folders[definition] })
  const ran = (): readonly string[] => {
    const ledger = join(old.folder, 'ledger')
    return existsSync(ledger) ? readFileSync(ledger, 'utf8').split('\n').slice(0, -1) : []
  }
  for (const definition of ['old', 'old', 'new', 'new'] as const) {
    workers.push({ definition, worker: await start(definition) })
    await pollUntil('a run', ran, (runs) => runs.includes(definition))
  }
  const restarts = { old: 0, new: 0 }
  const end = Date.now() + seconds * 1_000
  for (let turn = 0; Date.now() < end; turn += 1) {
    const one = workers[turn % workers.length] as (typeof workers)[number]
    one.worker.signal(Math.random() < 0.5 ? 'SIGKILL' : 'SIGTERM')
    await one.worker.exit
    await one.worker[Symbol.asyncDispose]()
    one.worker = await start(one.definition)
    restarts[one.definition] += 1
    await sleep(Math.random() * 2_000)
  }
  const runs = ran()
  const after = runs.slice(runs.indexOf('new'))
  const count = (definition: Definition): number => after.filter((one) => one === definition).length
  return { restarts, after: { old: count('old'), new: count('new') } }
}

interface Setting {
  readonly node: RabbitNode
  readonly type: string
  readonly namespace: string
  readonly ledger?: string
}

function projectOf(definition: Definition, { node, type, namespace, ledger = 'ledger' }: Setting): Project {
  const queue = `ticks-${namespace}`
  const config = {
    broker: node.url(),
    tasks: ['./tasks.ts'],
    queues: [{ name: queue, type }],
    schedulesNamespace: namespace,
    schedules: { tick: { task: 'tick', args: [definition], every: '1s', queue } },
  }
  return aProject({
    'worker.config.ts': `export default ${JSON.stringify(config)}\n`,
    'tasks.ts': `import { appendFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { defineTask } from 'twq'

export const tick = defineTask({
  name: 'tick',
  positional: ['definition'],
  run: ({ definition }: { definition: string }) => appendFileSync(resolve(import.meta.dirname, ${JSON.stringify(ledger)}), definition + '\\n'),
})
`,
  })
}

async function endAll(workers: readonly TwqWorker[]): Promise<void> {
  for (const worker of workers) await worker[Symbol.asyncDispose]()
}
