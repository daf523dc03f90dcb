/** One start of a task. */
export interface Run {
  readonly id: string
  /** Which of the workers ran it, and the process of it. */
  readonly worker: string
  readonly pid: number
  /** Milliseconds since the epoch. */
  readonly at: number
  /** Undefined when it did not come to its end. */
  readonly endedAt: number | undefined
  /** The task was told that an earlier delivery may have started already. */
  readonly redelivered: boolean
  /** The lines of the copies that took the place of its message: `<time> <worker>@<host>: <why>`. */
  readonly history: readonly string[]
}

/** A moment at which workers lost the messages that they held. */
export interface Strike {
  readonly workers: readonly string[]
  /** The only process that lost what it held; undefined where it was the whole worker. */
  readonly pid?: number
  readonly from: number
  readonly to: number
  /** The workers go on for a while with what the broker has taken back. */
  readonly unnoticed: boolean
}

/** A fault that was made, and when it struck. */
export interface Fault {
  readonly name: string
  readonly begin: number
  readonly strikes: readonly Strike[]
}

/** Further starts by what they come from. */
export interface Explained {
  /** A message that a strike took from a worker. */
  readonly returned: number
  /** One that the producer had no confirm of. */
  readonly sentAgain: number
}

export interface Attribution {
  /** How many further starts each fault explains, in the order of the faults. */
  readonly explained: ReadonlyMap<string, Explained>
  /** Further starts that none explains. */
  readonly unexplained: readonly Run[]
}

/** How long after its end a task may not be acknowledged yet; also how long it takes to replace a message by a copy. */
const SETTLED_WITHIN = 1_000
/** How long after a strike a worker may take to notice it. */
const NOTICED_WITHIN = 1_000
/** No task runs longer. */
const LONGEST_RUN = 3_000

/** When messages were published once more, by the ids of their tasks. */
export type Republished = ReadonlyMap<string, readonly number[]>

/**
 * Finds the fault that each further start of a task comes from. What a strike took explains one further start each: an
 * attempt that ran or was not acknowledged yet on a worker that was struck; a copy that this worker was putting in the place of
 * the message; a delivery that it went on with unaware; and a message that the producer published again.
 */
export function attribute(runs: readonly Run[], faults: readonly Fault[], republished: Republished): Attribution {
  const explained = new Map(faults.map(({ name }) => [name, { returned: 0, sentAgain: 0 }]))
  const unexplained: Run[] = []
  const byId = grouped(runs)
  for (const [id, starts] of byId) {
    if (starts.length === 1) continue
    const spent = new Set<unknown>()
    const again = (republished.get(id) ?? []).toSorted((a, b) => a - b)
    const earlier: Run[] = []
    for (const run of starts.toSorted((a, b) => a.at - b.at)) {
      if (earlier.length > 0) {
        const struck = faultOfReturn(run, earlier.toReversed(), faults, spent)
        const fault = struck ?? faultOfSending(run, faults, again, spent)
        const count = fault && explained.get(fault.name)
        if (count === undefined) unexplained.push(run)
        else count[struck === undefined ? 'sentAgain' : 'returned'] += 1
      }
      earlier.push(run)
    }
  }
  return { explained, unexplained }
}

/** How many of such tasks as ran once would have a second start explained, had there been one shortly after their end. */
export function inventDuplicates(
  runs: readonly Run[],
  faults: readonly Fault[],
  republished: Republished,
): { readonly invented: number; readonly explained: number } {
  const single = [...grouped(runs).values()].filter(({ length }) => length === 1).flat()
  const second = single.map((run) => ({ ...run, at: (run.endedAt ?? run.at) + 500, redelivered: true }))
  const { unexplained } = attribute([...single, ...second], faults, republished)
  return { invented: second.length, explained: second.length - unexplained.length }
}

function grouped(runs: readonly Run[]): Map<string, Run[]> {
  const byId = new Map<string, Run[]>()
  for (const run of runs) {
    const known = byId.get(run.id)
    if (known === undefined) byId.set(run.id, [run])
    else known.push(run)
  }
  return byId
}

/** `earlier`: the latest first. `spent`: what has explained another start of the task. */
function faultOfReturn(
  run: Run,
  earlier: readonly Run[],
  faults: readonly Fault[],
  spent: Set<unknown>,
): Fault | undefined {
  const first = (cause: unknown, strikes: (strike: Strike) => boolean): Fault | undefined => {
    if (spent.has(cause)) return undefined
    const fault = faults.find((one) => one.strikes.some((strike) => strike.from <= run.at && strikes(strike)))
    if (fault !== undefined) spent.add(cause)
    return fault
  }
  if (run.redelivered) {
    for (const before of earlier) {
      if (!isVersionBefore(before, run)) continue
      const fault = first(before, (strike) => wasInFlight(strike, before))
      if (fault !== undefined) return fault
    }
    for (const copy of copiesBehind(run, earlier)) {
      const fault = first(copy.line, (strike) => wasCopying(strike, copy))
      if (fault !== undefined) return fault
    }
  }
  for (const before of earlier) {
    if (!before.redelivered || !isVersionBefore(run, before)) continue
    const fault = first(run, (strike) => wasUnaware(strike, run) && before.at >= strike.from)
    if (fault !== undefined) return fault
  }
  return undefined
}

function faultOfSending(
  run: Run,
  faults: readonly Fault[],
  republished: readonly number[],
  spent: Set<unknown>,
): Fault | undefined {
  const at = republished.find((moment) => moment <= run.at && !spent.has(moment))
  if (at === undefined) return undefined
  spent.add(at)
  return faults.findLast(({ begin }) => begin <= at)
}

function wasInFlight({ workers, pid, from, to }: Strike, { worker, pid: own, at, endedAt }: Run): boolean {
  if (!workers.includes(worker) || (pid !== undefined && pid !== own)) return false
  if (at > to + NOTICED_WITHIN) return false
  return endedAt === undefined ? at >= from - LONGEST_RUN : endedAt >= from - SETTLED_WITHIN
}

function wasUnaware({ workers, unnoticed, from, to }: Strike, { worker, at }: Run): boolean {
  return unnoticed && workers.includes(worker) && at >= from && at <= to + NOTICED_WITHIN
}

/** A copy that a worker put in the place of a message. */
interface Copy {
  readonly line: string
  readonly at: number
  readonly worker: string
}

// A copy that was made twice, or whose original stayed: one start ran it, and the other the original or the second copy.
function copiesBehind(run: Run, earlier: readonly Run[]): Copy[] {
  const lines = new Set([...run.history, ...earlier.flatMap(({ history }) => history)])
  return [...lines].flatMap(copyOf)
}

function copyOf(line: string): Copy[] {
  const [, at = '', worker = ''] = /^(\S+) ([^\s@]+)@/.exec(line) ?? []
  return worker === '' ? [] : [{ line, at: Date.parse(at), worker }]
}

function wasCopying({ workers, from, to }: Strike, { at, worker }: Copy): boolean {
  return workers.includes(worker) && at >= from - SETTLED_WITHIN && at <= to + NOTICED_WITHIN
}

/** Whether `later` ran the message of `earlier`, or a copy of it. */
function isVersionBefore(earlier: Run, later: Run): boolean {
  return earlier.history.every((line, index) => line === later.history[index])
}
