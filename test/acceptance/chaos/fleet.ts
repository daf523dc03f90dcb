import { readFileSync, readlinkSync } from 'node:fs'
import { Ledger } from '../../support/ledger.ts'
import type { WorkerProcess } from '../../support/worker-process.ts'
import { fresh, type Scene, spawnWorker } from '../scene.ts'
import type { Run } from './duplicates.ts'

/** How a worker of the fleet is started. */
export interface Post {
  readonly name: string
  readonly url: string
  readonly flags: readonly string[]
}

/** Workers that are killed and replaced. Each post has a ledger of its own, which says what ran there. */
export class Fleet implements AsyncDisposable {
  readonly #scene: Pick<Scene, 'folder'>
  readonly #queues: string
  readonly #flags: readonly string[]
  readonly #posts: ReadonlyMap<string, { readonly post: Post; readonly ledger: Ledger }>
  readonly #workers = new Map<string, WorkerProcess>()
  /** Tasks that ran to their end. */
  readonly #ended = new Set<string>()

  constructor(
    scene: Pick<Scene, 'folder'>,
    posts: readonly Post[],
    queues: readonly string[],
    flags: readonly string[],
  ) {
    this.#scene = scene
    this.#queues = queues.join(',')
    this.#flags = flags
    this.#posts = new Map(posts.map((post) => [post.name, { post, ledger: new Ledger(fresh(scene, 'ledger')) }]))
  }

  get names(): string[] {
    return [...this.#posts.keys()]
  }

  /** Starts those that do not run, and waits until they consume. */
  async fill(): Promise<void> {
    for (const [name, { post, ledger }] of this.#posts) {
      if (this.#workers.get(name)?.running) continue
      const flags = ['--hostname', `${name}@chaos`, ...post.flags, ...this.#flags]
      const setting = { queue: this.#queues, ledger: ledger.path, flags }
      const env = { TWQ_HEARTBEAT: '5s' }
      this.#workers.set(name, spawnWorker({ url: post.url, folder: this.#scene.folder }, { ...setting, env }))
    }
    await Promise.all([...this.#workers.values()].map((worker) => worker.until('worker.ready', 1, 120_000)))
  }

  worker(name: string): WorkerProcess {
    const worker = this.#workers.get(name)
    if (worker === undefined) throw new Error(`no worker ${name}`)
    return worker
  }

  /** Signals a worker with all its processes. */
  signal(name: string, signal: NodeJS.Signals): void {
    process.kill(-this.worker(name).pid, signal)
  }

  /** The id of one process of a worker's pool. */
  member(name: string): number {
    const { pid } = this.worker(name)
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
    const member = children.find((child) => readlinkSync(`/proc/${child}/exe`).endsWith('/node'))
    if (member === undefined) throw new Error(`the pool of ${name} has no process`)
    return Number(member)
  }

  /** All starts so far. */
  get runs(): Run[] {
    return [...this.#posts].flatMap(([worker, { ledger }]) => ledger.starts.map((start) => ({ ...start, worker })))
  }

  /** The ids of what ran to its end so far. */
  get ended(): ReadonlySet<string> {
    for (const { ledger } of this.#posts.values()) {
      ledger.read()
      for (const id of ledger.ended) this.#ended.add(id)
      ledger.ended.clear()
    }
    return this.#ended
  }

  /** Asks all to leave; their exit statuses. */
  stop(): Promise<(number | null)[]> {
    return Promise.all([...this.#workers.values()].map((worker) => worker.stop()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#workers.values()].map((worker) => worker[Symbol.asyncDispose]()))
  }
}
