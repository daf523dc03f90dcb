import { parseInequivalence, readRefusal } from '../../broker/failures.ts'
import { isQuorum } from '../../protocol/queue/task-queue.ts'
import { type ManagedQueue, MINORITY } from '../../queues/management.ts'
import { error, type Finding, ok, warning } from './finding.ts'
import type { QueueFacts } from './look-at-queues.ts'

/**
 * What the management API alone tells: over AMQP a quorum queue without a majority looks healthy. Undefined where it says nothing
 * against the queue.
 */
export function judgeMajority(name: string, managed: ManagedQueue | undefined): Finding | undefined {
  if (managed?.state !== MINORITY) return undefined
  return error(
    `queue ${name}`,
    `too few of its ${managed.members} members are there to give or take anything`,
    'It takes no message and gives none until more are back: workers wait, and a send is not confirmed.',
    'Start the nodes that are down: rabbitmqctl cluster_status',
  )
}

/** Judges one configured queue. */
export function judgeQueue(facts: QueueFacts): readonly Finding[] {
  const check = `queue ${facts.queue.name}`
  const { down } = facts
  if (down !== undefined)
    return [error(check, down.message, 'What lives there can neither be sent to nor be consumed.', down.hint)]
  const findings = [
    ...judgeDeclaration(check, facts),
    ...judgeBacklog(check, facts),
    ...judgeQuorum(check, facts),
    ...judgeSetAside(check, facts),
  ]
  if (findings.length > 0) return findings
  const { messages = 0, consumers = 0 } = facts.status ?? {}
  return [ok(check, `as declared; ${messages} ready, ${count(consumers, 'consumer')}${keptIn(facts)}`)]
}

/** Failed tasks are no trouble of the queue: they are there to be looked at. */
function keptIn({ queue: { name }, failed }: QueueFacts): string {
  if (failed === undefined || failed.messages === 0) return ''
  return `; ${count(failed.messages, 'failed task')} kept: twq failed list --queue ${name}`
}

function judgeDeclaration(check: string, { queue, status, refusal }: QueueFacts): readonly Finding[] {
  if (status === undefined) {
    const why = 'Until it is declared, messages sent to it are lost.'
    return [warning(check, 'it does not exist', why, `Start a worker, or: twq queue declare ${queue.name}`)]
  }
  if (refusal === undefined) return []
  if (refusal.code === 'TWQ_BROKER_PERMISSION') {
    return [error(check, refusal.message, 'A worker declares its queues.', refusal.hint)]
  }
  const difference = parseInequivalence(readRefusal(refusal.cause)?.text ?? '')
  if (difference !== undefined && queue.stated.includes(difference.argument)) {
    return [error(check, refusal.message, 'The configuration says so itself: a worker does not start.', refusal.hint)]
  }
  const why = 'It is used as it is. A sender that insists on other settings is refused by the broker.'
  return [warning(check, refusal.message, why, refusal.hint ?? 'Declare it alike on all sides')]
}

function judgeBacklog(check: string, { status }: QueueFacts): readonly Finding[] {
  if (status === undefined || status.consumers > 0 || status.messages === 0) return []
  return [
    warning(
      check,
      `${count(status.messages, 'message')} ready, and no consumer`,
      'Their senders wait.',
      'twq worker start',
    ),
  ]
}

function judgeQuorum(check: string, { queue, refusal, managed }: QueueFacts): readonly Finding[] {
  const quorum = managed === undefined ? isQuorum(queue) && refusal === undefined : managed.type === 'quorum'
  // A policy may set it as well, and what it says is not told here.
  if (!quorum || managed?.policy !== undefined) return []
  if ('x-dead-letter-exchange' in (managed?.arguments ?? queue.arguments)) return []
  return [
    warning(
      check,
      'a quorum queue without a dead-letter exchange',
      'RabbitMQ drops a message that came back more often than its delivery limit, 20 since 4.0.',
      `rabbitmqctl set_policy dead-letters '^${queue.name}$' '{"dead-letter-exchange":"","dead-letter-routing-key":"dead"}' --apply-to quorum_queues`,
    ),
  ]
}

function judgeSetAside(check: string, { queue: { name }, quarantine, suspects }: QueueFacts): readonly Finding[] {
  const found: Finding[] = []
  if (quarantine !== undefined && quarantine.messages > 0) {
    found.push(
      warning(
        check,
        `${count(quarantine.messages, 'message')} in ${quarantine.name}`,
        'Workers could not use them, or they killed their workers; they are not run again.',
        `twq quarantine list --queue ${name}\ntwq quarantine replay --queue ${name}   (once the cause is mended)`,
      ),
    )
  }
  if (suspects !== undefined && suspects.messages > 0 && suspects.consumers === 0) {
    found.push(
      warning(
        check,
        `${count(suspects.messages, 'message')} in ${suspects.name}, and no consumer`,
        'Their workers may have died of them; only a twq worker tries them again, one by one.',
        `twq worker start --queues ${name}`,
      ),
    )
  }
  return found
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
