/** The state of a worker from which its health is derived. Times in milliseconds. */
export interface VitalSigns {
  /** It has consumed all its queues at least once. */
  readonly started: boolean
  /** How long it has been stopping. */
  readonly stoppingFor: number | undefined
  /** The connection for consuming. */
  readonly consumer: {
    readonly connected: boolean
    /** Why it is not connected, if known. */
    readonly trouble?: string | undefined
    /** Queues that it should consume. */
    readonly wanted: readonly string[]
    /** Those whose consumer the broker has confirmed on a channel that is still open. */
    readonly consuming: readonly string[]
    /** How long ago the broker last answered on the consuming channel. */
    readonly answeredAgo: number | undefined
    /** Why nothing arrives from a queue although it has a consumer, by queue name. */
    readonly troubles?: ReadonlyMap<string, string>
  }
  /** The connection for publishing results and retries. */
  readonly publisher: {
    readonly connected: boolean
    readonly trouble?: string | undefined
    readonly blocked: string | undefined
  }
  /** Messages that for now can neither run nor be set aside. */
  readonly aside: {
    readonly held: number
    /** Queues that are paused because of them. */
    readonly suspended: readonly string[]
  }
  /** The delay of the event loop. */
  readonly loopLag: number
  /** Outcomes of finished tasks that are not settled yet. */
  readonly outcomes: {
    readonly kept: number
    readonly bytes: number
    /** Why no further tasks are accepted; undefined if they are. */
    readonly halted: string | undefined
    /** How long nothing new has started because too many bytes of outcomes are pending. */
    readonly fullFor: number | undefined
  }
}

/** The limits for judging the state. Times in milliseconds. */
export interface HealthLimits {
  /** How long an answer of the broker counts as proof. */
  readonly heartbeat: number
  /** An event loop with a longer delay does not get its work done. */
  readonly loopLag: number
  /** How long stopping may take. */
  readonly stopping: number
}

/** The problem, as text. */
export interface Finding {
  readonly check:
    | 'aside'
    | 'startup'
    | 'draining'
    | 'connection'
    | 'consumer'
    | 'broker'
    | 'publisher'
    | 'loop'
    | 'shutdown'
    | 'outcomes'
  readonly why: string
}

/** The three questions of an orchestrator. */
export type Probe = 'live' | 'ready' | 'started'

/** The failing checks of a probe; empty if it passes. */
export function judge(probe: Probe, signs: VitalSigns, limits: HealthLimits): Finding[] {
  switch (probe) {
    case 'live':
      return judgeLiveness(signs, limits)
    case 'ready':
      return judgeReadiness(signs, limits)
    case 'started':
      return signs.started ? [] : [{ check: 'startup', why: 'the worker has not consumed yet' }]
  }
}

/** Whether a restart would help. An unreachable broker is no reason: the worker reconnects by itself. */
function judgeLiveness({ loopLag, stoppingFor }: VitalSigns, limits: HealthLimits): Finding[] {
  const findings: Finding[] = []
  if (loopLag > limits.loopLag) findings.push(lateLoop(loopLag, limits))
  if (stoppingFor !== undefined && stoppingFor > limits.stopping) {
    findings.push({ check: 'shutdown', why: `stopping for ${stoppingFor} ms, where ${limits.stopping} ms are allowed` })
  }
  return findings
}

/** Whether the worker provably consumes: the broker has confirmed its consumers and has answered recently. */
function judgeReadiness(signs: VitalSigns, limits: HealthLimits): Finding[] {
  const { started, stoppingFor, consumer, publisher, aside, loopLag } = signs
  const findings: Finding[] = []
  const add = (check: Finding['check'], why: string): void => void findings.push({ check, why })
  if (stoppingFor !== undefined) add('draining', 'the worker is stopping')
  else if (!started) add('startup', 'the worker has not consumed yet')
  if (!consumer.connected) add('connection', because('not connected to the broker', consumer.trouble))
  else {
    const { held, suspended } = aside
    const missing = consumer.wanted.filter((queue) => !consumer.consuming.includes(queue) && !suspended.includes(queue))
    if (suspended.length > 0) {
      add('aside', `nothing is taken from ${suspended.join(', ')}: ${held} messages cannot be set aside`)
    }
    if (started && consumer.wanted.length === 0) add('consumer', 'no queue is consumed: all of them are paused')
    if (missing.length > 0) add('consumer', `no confirmed consumer on ${missing.join(', ')}`)
    for (const [queue, why] of consumer.troubles ?? []) add('consumer', `nothing comes from ${queue}: ${why}`)
    if (consumer.answeredAgo !== undefined && consumer.answeredAgo > limits.heartbeat) {
      add('broker', `no answer for ${consumer.answeredAgo} ms, where ${limits.heartbeat} ms are allowed`)
    }
  }
  if (!publisher.connected) add('publisher', because('not connected to the broker for results', publisher.trouble))
  else if (publisher.blocked !== undefined) add('publisher', `the broker takes no messages: ${publisher.blocked}`)
  if (loopLag > limits.loopLag) findings.push(lateLoop(loopLag, limits))
  const { outcomes } = signs
  if (outcomes.halted !== undefined) {
    add('outcomes', `no task is taken, since ${outcomes.kept} outcomes can't be settled: ${outcomes.halted}`)
  } else if (outcomes.fullFor !== undefined && (outcomes.kept > 0 || outcomes.fullFor > FULL_FOR)) {
    add(
      'outcomes',
      `no task starts, since too many bytes of outcomes wait to be settled (${outcomes.bytes} of them kept)`,
    )
  }
  return findings
}

// In milliseconds. Many large results may be pending for a moment.
const FULL_FOR = 5_000

function because(what: string, why: string | undefined): string {
  return why === undefined ? what : `${what}: ${why}`
}

function lateLoop(loopLag: number, limits: HealthLimits): Finding {
  return { check: 'loop', why: `the event loop is ${loopLag} ms late, where ${limits.loopLag} ms are allowed` }
}
