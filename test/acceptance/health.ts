import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { FaultProxy } from '../support/fault-proxy.ts'
import { probeUntil } from '../support/probes.ts'
import { freePort } from '../support/provision/free-ports.ts'
import { TWQ } from '../support/worker-process.ts'
import { type Scene, startWorker } from './scene.ts'

/** How a worker's broker goes away: connections break and none is accepted, or nothing answers any more. */
export type Fault = 'refused' | 'silent'

/** What asking a worker how it is came to; all times in milliseconds. */
export interface HealthReport {
  /** From the moment at which the worker ceased to consume until `/readyz` said so, and from the end of the fault until it was ready. */
  readonly turns: Readonly<Record<Fault, { readonly unreadyAfter: number; readonly readyAfter: number }>>
  /** Whole commands, each the median of several; `node` is Node doing nothing. */
  readonly commands: { readonly node: number; readonly health: number; readonly ping: number }
  /** The statuses that the commands ended with. */
  readonly exits: readonly (number | null)[]
}

/** Takes the broker from a worker that has this heartbeat, twice, and asks it how it is as orchestrators and people do. */
export async function askForHealth(
  scene: Pick<Scene, 'url' | 'folder'>,
  { heartbeat, rounds }: { readonly heartbeat: number; readonly rounds: number },
): Promise<HealthReport> {
  await using proxy = await FaultProxy.before(scene.url)
  const port = await freePort()
  const address = `127.0.0.1:${port}`
  await using worker = await startWorker(
    { ...scene, url: proxy.through(scene.url) },
    { queue: `health-${randomUUID()}`, flags: ['--health', address], env: { TWQ_HEARTBEAT: `${heartbeat}ms` } },
  )
  const turn = async (fault: () => void) => {
    await probeUntil(port, '/readyz', 200)
    const faultAt = performance.now()
    fault()
    await probeUntil(port, '/readyz', 503)
    const healedAt = performance.now()
    proxy.heal()
    await probeUntil(port, '/readyz', 200)
    return { unreadyAfter: healedAt - faultAt, readyAfter: performance.now() - healedAt }
  }
  const refused = await turn(() => {
    proxy.refuse()
    proxy.reset()
  })
  const silent = await turn(() => proxy.blackhole())

  const exits: (number | null)[] = []
  const times = { node: [] as number[], health: [] as number[], ping: [] as number[] }
  const command = async (args: readonly string[]): Promise<number> => {
    const start = performance.now()
    const child = spawn(process.execPath, args, { cwd: scene.folder, stdio: 'ignore' })
    const [code] = (await once(child, 'exit')) as [number | null]
    exits.push(code)
    return performance.now() - start
  }
  for (let round = 0; round < rounds; round += 1) {
    times.node.push(await command(['-e', '0']))
    times.health.push(await command([TWQ, 'worker', 'health', '--ready', '--address', address]))
    times.ping.push(await command([TWQ, 'inspect', 'ping', '--broker', scene.url]))
  }
  await worker.stop()
  const commands = { node: median(times.node), health: median(times.health), ping: median(times.ping) }
  return { turns: { refused, silent }, commands, exits: [...new Set(exits)] }
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 1] as number
}
