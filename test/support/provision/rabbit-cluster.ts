import { type RabbitNode, type RabbitOptions, startRabbit } from './rabbit.ts'

/** Several RabbitMQ nodes on this machine that are one broker. */
export class RabbitCluster implements AsyncDisposable {
  readonly nodes: readonly RabbitNode[]

  private constructor(nodes: readonly RabbitNode[]) {
    this.nodes = nodes
  }

  /** Starts as many; `options` are those of the first. */
  static async start(size: number, options: RabbitOptions = {}): Promise<RabbitCluster> {
    const first = await startRabbit(options)
    const cluster = [first]
    try {
      const others = Array.from({ length: size - 1 }, () => startRabbit({ beside: first }))
      for (const started of await Promise.allSettled(others)) {
        if (started.status === 'rejected') throw started.reason
        cluster.push(started.value)
      }
      await first.ctl('await_online_nodes', String(size), '--timeout', '60')
      return new RabbitCluster(cluster)
    } catch (error) {
      await end(cluster)
      throw error
    }
  }

  /** All nodes, in Celery's form, `preferred` first: clients try them in turn. */
  url(preferred: RabbitNode = this.#any()): string {
    return [preferred, ...this.nodes.filter((node) => node !== preferred)].map((node) => node.url()).join(';')
  }

  /** A node that runs. */
  get survivor(): RabbitNode {
    return this.#any()
  }

  /** The node that leads a quorum queue, or that a classic queue lives on. */
  async homeOf(queue: string): Promise<RabbitNode> {
    const [home] = this.#named(await this.#show(queue, 'pid'))
    if (home === undefined) throw new Error(`no node of the cluster has a queue ${queue}`)
    return home
  }

  /** How many members of a quorum queue are up. */
  async membersUp(queue: string): Promise<number> {
    return this.#named(await this.#show(queue, 'online')).length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.nodes)
  }

  async #show(queue: string, what: string): Promise<string> {
    const lines = await this.survivor.ctl('list_queues', '--no-table-headers', 'name', what)
    return lines.split('\n').find((line) => line.startsWith(`${queue}\t`)) ?? ''
  }

  #named(text: string): RabbitNode[] {
    return this.nodes.filter(({ name }) => text.includes(name))
  }

  #any(): RabbitNode {
    const node = this.nodes.find(({ running }) => running)
    if (node === undefined) throw new Error('no node of the cluster runs')
    return node
  }
}

/** A cluster for a test that breaks it: about 15 s, and 150 MB for each node. Close it with `await using`. */
export function startCluster(size = 3): Promise<RabbitCluster> {
  return RabbitCluster.start(size)
}

// The first has the folders of all in its own, and the epmd.
async function end(nodes: readonly RabbitNode[]): Promise<void> {
  for (const node of nodes.toReversed()) await node[Symbol.asyncDispose]()
}
