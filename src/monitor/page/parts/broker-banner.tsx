import type { Overview } from '../../answers/cluster.ts'
import { clockTime } from '../format.ts'
import { useLive } from '../live.ts'

/** Says on every view that the broker is away: workers are silent then, and what is shown is old. */
export function BrokerBanner() {
  const { answer } = useLive<Pick<Overview, 'broker'>>('/api/overview', ['broker'])
  if (answer === undefined || answer.broker.state === 'connected') return null
  const { state, since, error } = answer.broker
  if (state === 'connecting') return <p class="banner warn">Connecting to the broker. {error}</p>
  return (
    <p class="banner bad" role="alert">
      No connection to the broker since {clockTime(since)}: {error}. What is shown is as it was then.
    </p>
  )
}
