import type { Json } from '../../runtime/json.ts'
import type { ControlCommand } from '../command.ts'
import type { WorkerView } from '../worker-view.ts'

/** What a worker asks all others when it starts (wire specification 7.5): what is revoked, and what time it is. */
export const hello: ControlCommand = {
  name: 'hello',
  kind: 'inspect',
  summary: 'share revoked tasks with a worker that starts',
  handle(worker, args) {
    if (args.from_node === worker.node) return null
    if (worker.takesRevocations) worker.learnRevoked(idsIn(args.revoked))
    return { revoked: revokedForPython(worker), clock: worker.tick() }
  },
}

/** `{id: [time, id]}`. Python takes a number for a time only if it has a fraction, and no meaning from it. */
export function revokedForPython(worker: Pick<WorkerView, 'revoked'>): { [id: string]: Json } {
  return Object.fromEntries(worker.revoked().map(([id, at]) => [id, [Math.floor(at / 1000) + 0.5, id]]))
}

/** The ids in such a table, from whoever sent it. */
export function idsIn(revoked: Json | undefined): string[] {
  return typeof revoked === 'object' && revoked !== null && !Array.isArray(revoked) ? Object.keys(revoked) : []
}
