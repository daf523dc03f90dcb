/** The state of a worker that its health is judged by. Times in milliseconds. */
export interface VitalSigns {
  /** It has consumed all its queues at least once. */
  readonly started: boolean
  /** Since when it has been stopping, as a duration. */
  readonly stoppingFor: number | undefined
  /** The connection that tasks come by. */
  readonly consumer: {
    readonly connected: boolean
    /** Why it is not connected, where that is known. */
    readonly trouble?: string | undefined
    /** Queues that it is to consume. */
    readonly wanted: readonly string[]
    /** Those whose consumer the broker has confirmed, on a channel that is open. */
    readonly consuming: readonly string[]
    /** How long ago the broker last answered on the consuming channel. */
    readonly answeredAgo: number | undefined
    /** Why nothing comes from a queue that has a consumer, by its name. */
    readonly troubles?: ReadonlyMap<string, string>
  }
  /** The connection that results and retries leave by. */
  readonly publisher: {
    readonly connected: boolean
    readonly trouble?: string | undefined
    readonly blocked: string | undefined
  }
  /** Messages that can neither run nor be set aside for now. */
  readonly aside: {
    readonly held: number
    /** Queues that nothing is taken from because of them. */
    readonly suspended: readonly string[]
  }
  /** How late the event loop is. */
  readonly loopLag: number
  /** Outcomes of finished tasks that could not be settled yet. */
  readonly outcomes: {
    readonly kept: number
    readonly bytes: number
    /** Why no further task is taken; undefined while tasks are. */
    readonly halted: string | undefined
    /** Since when nothing new starts because too many bytes of them wait, as a duration. */
    readonly fullFor: number | undefined
  }
}

/** The limits that the state is judged by. Times in milliseconds. */
export interface HealthLimits {
  /** An answer of the broker counts for so long. */
  readonly heartbeat: number
  /** A loop that is later than this does not get its work done. */
  readonly loopLag: number
  /** Stopping may take so long. */
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

/** The failing checks of a probe; none when it passes. */
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

/** Whether a restart would help. A broker that is away is no reason: the worker comes back by itself. */
function judgeLiveness({ loopLag, stoppingFor }: VitalSigns, limits: HealthLimits): Finding[] {
  const findings: Finding[] = []
  if (loopLag > limits.loopLag) findings.push(lateLoop(loopLag, limits))
  if (stoppingFor !== undefined && stoppingFor > limits.stopping) {
    findings.push({ check: 'shutdown', why: `stopping for ${stoppingFor} ms, where ${limits.stopping} ms are allowed` })
  }
  return findings
}

/** Whether the worker consumes, on proof: what the broker has confirmed, and when it last answered. */
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
      add('aside', `nothing is taken from ${suspended.join(', ')}: ${held} messages can not be set aside`)
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

// Milliseconds. Many large results at once are on their way for a moment.
const FULL_FOR = 5_000

function because(what: string, why: string | undefined): string {
  return why === undefined ? what : `${what}: ${why}`
}

function lateLoop(loopLag: number, limits: HealthLimits): Finding {
  return { check: 'loop', why: `the event loop is ${loopLag} ms late, where ${limits.loopLag} ms are allowed` }
}
