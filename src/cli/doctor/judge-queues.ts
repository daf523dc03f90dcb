import { type Finding, ok, warning } from './finding.ts'
import type { QueueFacts } from './look-at-queues.ts'

/** What there is to say of one configured queue. */
export function judgeQueue(facts: QueueFacts): readonly Finding[] {
  const check = `queue ${facts.name}`
  const findings = [
    ...judgeDeclaration(check, facts),
    ...judgeBacklog(check, facts),
    ...judgeQuorum(check, facts),
    ...judgeSetAside(check, facts),
  ]
  if (findings.length > 0) return findings
  const { messages = 0, consumers = 0 } = facts.status ?? {}
  return [ok(check, `as declared; ${messages} ready, ${count(consumers, 'consumer')}`)]
}

function judgeDeclaration(check: string, { name, status, refusal }: QueueFacts): readonly Finding[] {
  if (status === undefined) {
    const why = 'Until somebody declares it, what is sent there goes nowhere.'
    return [warning(check, 'it does not exist', why, `Start a worker, or: twq queue declare ${name}`)]
  }
  if (refusal === undefined) return []
  if (refusal.code === 'TWQ_BROKER_PERMISSION') {
    return [{ check, status: 'error', what: refusal.message, why: 'A worker declares its queues.', fix: refusal.hint }]
  }
  const why = 'It is used as it is. A sender that insists on other settings is refused by the broker.'
  return [warning(check, refusal.message, why, refusal.hint ?? 'Declare it alike on all sides')]
}

function judgeBacklog(check: string, { status }: QueueFacts): readonly Finding[] {
  if (status === undefined || status.consumers > 0 || status.messages === 0) return []
  return [
    warning(
      check,
      `${count(status.messages, 'message')} ready, and nobody consumes them`,
      'Whoever sent them waits.',
      'twq worker start',
    ),
  ]
}

function judgeQuorum(check: string, { managed }: QueueFacts): readonly Finding[] {
  if (managed?.type !== 'quorum') return []
  // A policy may set it as well, and what it says is not told here.
  if (managed.policy !== undefined || 'x-dead-letter-exchange' in managed.arguments) return []
  return [
    warning(
      check,
      'a quorum queue without a dead-letter exchange',
      'RabbitMQ drops a message that came back more often than its delivery limit, 20 since 4.0.',
      `rabbitmqctl set_policy dead-letters '^${managed.name}$' '{"dead-letter-exchange":"","dead-letter-routing-key":"dead"}' --apply-to quorum_queues`,
    ),
  ]
}

function judgeSetAside(check: string, { name, quarantine, suspects }: QueueFacts): readonly Finding[] {
  const found: Finding[] = []
  if (quarantine !== undefined && quarantine.messages > 0) {
    found.push(
      warning(
        check,
        `${count(quarantine.messages, 'message')} in ${quarantine.name}`,
        'Workers could not use them, or they killed their workers; nobody runs them.',
        `twq quarantine list --queue ${name}\ntwq quarantine replay --queue ${name}   (once the cause is mended)`,
      ),
    )
  }
  if (suspects !== undefined && suspects.messages > 0 && suspects.consumers === 0) {
    found.push(
      warning(
        check,
        `${count(suspects.messages, 'message')} in ${suspects.name}, and nobody consumes them`,
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
