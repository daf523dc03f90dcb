import type { Json } from '../../runtime/json.ts'
import type { ControlCommand } from '../command.ts'
import type { WorkerView } from '../worker-view.ts'

/** The request of a starting worker to all others (wire specification 7.5): their revocations and clocks. */
export const hello: ControlCommand = {
  name: 'hello',
  kind: 'inspect',
  handle(worker, args) {
    if (args.from_node === worker.node) return null
    if (worker.takesRevocations) worker.learnRevoked(idsIn(args.revoked))
    return { revoked: revokedForPython(worker), clock: worker.tick() }
  },
}

// A peer of ours reads 16 MiB. Escapes take up to six bytes for one, and each id is written twice.
const LONGEST_TABLE = 8 * 1024 * 1024

/**
 * `{id: [time, id]}`, oldest first; the newest of them that fit into 8 MiB of JSON. Python takes a number for a time only
 * if it has a fraction, and no meaning from it.
 */
export function revokedForPython(worker: Pick<WorkerView, 'revoked'>): { [id: string]: Json } {
  const revoked = worker.revoked()
  let first = revoked.length
  for (let left = LONGEST_TABLE; first > 0; first -= 1) {
    const [id] = revoked[first - 1] as (typeof revoked)[number]
    left -= 2 * Buffer.byteLength(JSON.stringify(id)) + 20
    if (left < 0) break
  }
  return Object.fromEntries(revoked.slice(first).map(([id, at]) => [id, [Math.floor(at / 1000) + 0.5, id]]))
}

// What a worker remembers.
const MOST_IDS = 50_000

/** The ids in such a table, from any sender: no more than a worker remembers. What no task's id can be is left out there. */
export function idsIn(revoked: Json | undefined): string[] {
  const given = typeof revoked === 'object' && revoked !== null && !Array.isArray(revoked) ? Object.keys(revoked) : []
  return given.slice(-MOST_IDS)
}
