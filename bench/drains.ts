import { answer } from './answer.ts'
import type { Arena } from './arena.ts'
import { inTurns, median, type Row, ratio, rounded } from './comparison.ts'
import { type Drained, drain, type Load, type Pace } from './drain.ts'
import { raw, rawKeeping, type Side, twq } from './sides.ts'

/** The flags of a worker with the same prefetch as the raw consumers. */
export const SAME_PREFETCH: readonly string[] = ['--prefetch', '1000']
const WITHOUT_RESULTS = [...SAME_PREFETCH, '--result-backend', 'none']
const ANSWERED: Load = { results: 'reply queue' }
const UNANSWERED: Load = { results: 'nowhere' }

/** P1: how fast a full queue is drained without results. */
export async function drainWithoutResults(arena: Arena): Promise<Row[]> {
  const figures = await inTurns(arena.rounds, {
    each: () => drain(arena, raw({ acks: 'each', results: false }), UNANSWERED),
    turn: () => drain(arena, raw({ acks: 'turn', results: false }), UNANSWERED),
    twq: () => drain(arena, twq(WITHOUT_RESULTS), UNANSWERED),
  })
  return [
    row('P1', 'drain, late ack, no results ÷ raw, one ack per message', figures.twq, figures.each, 1.5),
    row('P1', 'the same ÷ raw, acks once per turn of the event loop', figures.twq, figures.turn, 1),
  ]
}

/** P2: the same with rpc results: ours confirmed before the ack, those of the raw loop unconfirmed. */
export async function drainWithResults(arena: Arena): Promise<Row[]> {
  const figures = await inTurns(arena.rounds, {
    each: () => drain(arena, raw({ acks: 'each', results: true }), ANSWERED),
    turn: () => drain(arena, raw({ acks: 'turn', results: true }), ANSWERED),
    keeping: () => drain(arena, rawKeeping({ failing: false }), ANSWERED),
    twq: () => drain(arena, twq(SAME_PREFETCH), ANSWERED),
  })
  return [
    row('P2', 'drain, results confirmed ÷ raw, results unconfirmed', figures.twq, figures.each, 1.25),
    row('P2', 'the same ÷ raw, acks once per turn of the event loop', figures.twq, figures.turn),
    row('P2', 'the same ÷ raw that waits for the same confirms', figures.twq, figures.keeping),
  ]
}

/** A worker with nothing configured but its queue, against the best raw loop with the same work and prefetch 1000. */
export async function drainWithDefaults(arena: Arena): Promise<Row[]> {
  const figures = await inTurns(arena.rounds, {
    turn: () => drain(arena, raw({ acks: 'turn', results: true }), ANSWERED),
    twq: () => drain(arena, twq([]), ANSWERED),
  })
  return [row('defaults', 'drain, nothing configured ÷ raw at its best', figures.twq, figures.turn, 0.69)]
}

/** P8: a long queue is drained as fast as a short one. One round, since it takes minutes. */
export async function drainBacklog(arena: Arena): Promise<Row[]> {
  const { backlog, drained } = arena
  const figures = await inTurns(1, {
    short: () => drain(arena, twq(WITHOUT_RESULTS), { ...UNANSWERED, count: drained }),
    long: () => drain(arena, twq(WITHOUT_RESULTS), { ...UNANSWERED, count: backlog }),
  })
  const what = `a backlog of ${backlog.toLocaleString('en')} ÷ one of ${drained.toLocaleString('en')}`
  return [row('P8', what, figures.long, figures.short, 0.95)]
}

/** P11: the cost of openTelemetry() without a registered SDK: the same drains with the plugin and without any. */
export async function drainTraced(arena: Arena): Promise<Row[]> {
  const rows: Row[] = []
  for (const [kind, flags, load] of [
    ['without results', WITHOUT_RESULTS, UNANSWERED],
    ['with results', SAME_PREFETCH, ANSWERED],
  ] as const) {
    const figures = await inTurns(arena.rounds, {
      plain: () => drain(arena, twq(flags), load),
      traced: () => drain(arena, twq(flags, 'traced.config.js'), load),
    })
    const what = `drain ${kind}, openTelemetry() without an SDK ÷ no plugin`
    rows.push(row('P11', what, figures.traced, figures.plain, 0.95))
  }
  return rows
}

/** P12: the cost of a choice: the drain of P2 with one thing changed ÷ the drain of P2. */
export async function drainOtherwise(arena: Arena): Promise<Row[]> {
  const redis = await arena.redis()
  const choices: readonly { readonly what: string; readonly side: Side; readonly load: Load }[] = [
    { what: 'results in Redis', side: twq([...SAME_PREFETCH, '--result-backend', redis]), load: UNANSWERED },
    { what: 'task events sent', side: twq([...SAME_PREFETCH, '--task-events']), load: ANSWERED },
    { what: 'quorum queue', side: twq(SAME_PREFETCH), load: { ...ANSWERED, queueType: 'quorum' } },
    { what: 'nobody wants results', side: twq(WITHOUT_RESULTS), load: UNANSWERED },
  ]
  const rows: Row[] = []
  for (const { what, side, load } of choices) {
    const figures = await inTurns(arena.rounds, {
      usual: () => drain(arena, twq(SAME_PREFETCH), ANSWERED),
      other: () => drain(arena, side, load),
    })
    rows.push(row('P12', `drain with results: ${what} ÷ as usual`, figures.other, figures.usual))
  }
  for (const pool of ['threads', 'processes']) {
    const figures = await inTurns(arena.rounds, {
      usual: () => answer(arena, twq(SAME_PREFETCH)),
      other: () => answer(arena, twq([...SAME_PREFETCH, '--pool', pool, '--concurrency', '2'])),
    })
    rows.push({
      id: 'P12',
      what: `drain with results: two ${pool} ÷ as usual`,
      measured: `${rounded(median(figures.other))}/s against ${rounded(median(figures.usual))}/s`,
      figure: ratio(figures.other, figures.usual),
      unit: '×',
    })
  }
  return rows
}

/**
 * P13: the cost of a kept failure: the drain of P2 with a task that always fails, beside one that succeeds; and the same for a
 * bare loop that waits for the same confirms, which shows the broker's share.
 */
export async function drainFailures(arena: Arena): Promise<Row[]> {
  const figures = await inTurns(arena.rounds, {
    succeeds: () => drain(arena, twq(SAME_PREFETCH), ANSWERED),
    fails: () => drain(arena, twq(SAME_PREFETCH), { ...ANSWERED, task: 'bench.fail' }),
    rawSucceeds: () => drain(arena, rawKeeping({ failing: false }), ANSWERED),
    rawFails: () => drain(arena, rawKeeping({ failing: true }), ANSWERED),
  })
  const [failing, succeeding] = [steady(figures.fails), steady(figures.succeeds)]
  const [rawFailing, rawSucceeding] = [steady(figures.rawFails), steady(figures.rawSucceeds)]
  const cost = (what: string, of: (pace: Pace) => number) => ({
    id: 'P13',
    what: `a task that fails and is kept ÷ one that succeeds: ${what}`,
    measured: `second half ${told(failing)} against ${told(succeeding)}`,
    figure: ratio(failing.map(of), succeeding.map(of)),
    unit: '×',
    target: { kind: 'at most', value: 1.6 } as const,
  })
  return [
    cost('time', timeOf),
    cost("worker's CPU", ({ cpu }) => cpu),
    {
      id: 'P13',
      what: 'the same of plain amqplib with the same confirms: time',
      measured: `second half ${told(rawFailing)} against ${told(rawSucceeding)}`,
      figure: ratio(rawFailing.map(timeOf), rawSucceeding.map(timeOf)),
      unit: '×',
    },
    {
      id: 'P13',
      what: 'a task that fails and is kept ÷ the same of plain amqplib: time',
      measured: `second half ${told(failing)} against ${told(rawFailing)}`,
      figure: ratio(failing.map(timeOf), rawFailing.map(timeOf)),
      unit: '×',
    },
  ]
}

function steady(runs: readonly Drained[]): Pace[] {
  return runs.map((run) => run.steady)
}

function timeOf({ rate }: Pace): number {
  return 1 / rate
}

function row(id: string, what: string, ours: readonly Drained[], base: readonly Drained[], atLeast?: number): Row {
  const [ourHalf, theirHalf] = [steady(ours), steady(base)]
  const half = `${ratio(rates(ourHalf), rates(theirHalf)).toFixed(3)}×, ${told(ourHalf)} against ${told(theirHalf)}`
  return {
    id,
    what,
    measured: `${told(ours)} against ${told(base)}; second half ${half}`,
    figure: ratio(rates(ours), rates(base)),
    unit: '×',
    ...(atLeast !== undefined && { target: { kind: 'at least', value: atLeast } }),
  }
}

function rates(runs: readonly Pace[]): number[] {
  return runs.map(({ rate }) => rate)
}

/** `16,400/s (38 + 51 µs)`: with the processor time of the consumer and of the broker per task. */
function told(runs: readonly Pace[]): string {
  const [cpu, broker] = [median(runs.map((run) => run.cpu)), median(runs.map((run) => run.broker))]
  return `${rounded(median(rates(runs)))}/s (${cpu.toFixed(0)} + ${broker.toFixed(0)} µs)`
}
