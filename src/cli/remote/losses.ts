import type { ClusterState } from '../../events/cluster-state.ts'
import type { EventStream } from '../../events/receiver.ts'

/** Returns a function that reports, once for each kind, that events were dropped, or that workers and tasks were forgotten. */
export function lossesOf(
  stream: Pick<EventStream, 'dropped'>,
  cluster: Pick<ClusterState, 'forgotten'>,
): () => string | undefined {
  const told = { dropped: false, forgotten: false }
  return () => {
    if (stream.dropped > 0 && !told.dropped) {
      told.dropped = true
      return 'events come too fast, or are too large: some are left out'
    }
    if (cluster.forgotten > 0 && !told.forgotten) {
      told.forgotten = true
      return 'what the events say of workers and tasks is too large to remember: those not heard of for longest are forgotten'
    }
    return undefined
  }
}
