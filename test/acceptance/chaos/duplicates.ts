/** One start of a task. */
export interface Run {
  readonly id: string
  /** Which of the workers ran it. */
  readonly worker: string
  /** Milliseconds since the epoch. */
  readonly at: number
  /** The task was told that an earlier delivery may have started already. */
  readonly redelivered: boolean
}

/** A fault that was made, until all that had been sent by its end had run. */
export interface Fault {
  readonly name: string
  readonly begin: number
  readonly end: number
  /** The workers whose messages in flight come back. */
  readonly hits: ReadonlySet<string>
}

export interface Attribution {
  /** How many further starts each fault explains, in the order of the faults. */
  readonly explained: ReadonlyMap<string, number>
  /** Further starts that none explains. */
  readonly unexplained: readonly Run[]
}

/** Longer than a task and its acknowledgement take: what started earlier was settled when the fault came. */
const IN_FLIGHT = 2_000

/**
 * Finds the fault that each further start of a task comes from: the start before it was in flight at a worker that the
 * fault hit, and the task was told; or the producer had no confirm because of it and sent the message once more
 * (`republished`: when).
 */
export function attribute(
  runs: readonly Run[],
  faults: readonly Fault[],
  republished: ReadonlyMap<string, readonly number[]>,
): Attribution {
  const explained = new Map(faults.map(({ name }) => [name, 0]))
  const unexplained: Run[] = []
  const previous = new Map<string, Run>()
  for (const run of runs.toSorted((a, b) => a.at - b.at)) {
    const before = previous.get(run.id)
    previous.set(run.id, run)
    if (before === undefined) continue
    const fault = faults.findLast(
      (one) => cameBack(one, before, run) || heldAllAlong(one, before, run) || sentAgain(one, republished.get(run.id)),
    )
    if (fault === undefined) unexplained.push(run)
    else explained.set(fault.name, (explained.get(fault.name) ?? 0) + 1)
  }
  return { explained, unexplained }
}

function cameBack({ hits, begin, end }: Fault, before: Run, again: Run): boolean {
  const inFlight = hits.has(before.worker) && before.at >= begin - IN_FLIGHT && before.at <= end
  return inFlight && again.at >= begin && again.redelivered
}

// A worker that was frozen starts what it had got before it learns that the broker took it back; another ran it meanwhile.
function heldAllAlong({ hits, begin, end }: Fault, before: Run, late: Run): boolean {
  return hits.has(late.worker) && !late.redelivered && before.redelivered && late.at >= begin && late.at <= end
}

// The producer may notice a lost connection after all that was confirmed has run.
function sentAgain({ begin }: Fault, times: readonly number[] = []): boolean {
  return times.some((at) => at >= begin)
}
