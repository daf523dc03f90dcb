import type { Evidence } from './evidence.ts'
import { certain, type Statement } from './statement.ts'

/** What keeps the broker itself from taking or giving tasks. */
export function judgeBroker({ broker, workers }: Evidence): readonly Statement[] {
  if (broker.kind === 'unseen') {
    const missing = broker.code === 'TWQ_BROKER_VHOST'
    const sentence = missing
      ? 'the virtual host does not exist: what is sent there is lost'
      : "the broker can't be asked, so nothing is known of queues and workers"
    return [certain(missing ? 'no-vhost' : 'broker-unreachable', sentence, [broker.why], 'twq doctor')]
  }
  if (workers.kind === 'unseen' && workers.code === 'TWQ_BROKER_BLOCKED') {
    return [
      certain(
        'broker-blocked',
        'the broker takes no messages for now: nothing can be sent, and workers hold what they have run until it does',
        [workers.why],
        'rabbitmq-diagnostics alarms',
      ),
    ]
  }
  return []
}
