import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Arena } from './arena.ts'
import type { Row } from './comparison.ts'
import { drain } from './drain.ts'
import { SAME_PREFETCH } from './drains.ts'
import { highestResidentSize, proportionalSize, residentSize } from './process-figures.ts'
import { twq } from './sides.ts'

/** Milliseconds after which V8 has released the memory that starting took: it waits for 8 idle seconds. */
const IDLE_FOR = 20_000

/**
 * P7: the resident memory of an idle worker, and its peak in long drains as for P1 and P2. Beside it the proportional size (PSS),
 * which counts memory shared by processes only once.
 */
export async function memory(arena: Arena): Promise<Row[]> {
  const idler = await twq(SAME_PREFETCH)(arena, { queue: `idle-${randomUUID()}` })
  const started = residentSize(idler.pid)
  await sleep(IDLE_FOR)
  const idle = { resident: residentSize(idler.pid), proportional: proportionalSize(idler.pid) }
  await idler.stop()
  const { measured, ...idleRow } = row('idle worker', idle.resident, idle.proportional, 60)
  const rows = [{ ...idleRow, measured: `${measured}; ${started.toFixed(0)} MB resident when it was ready` }]
  const count = arena.watched
  for (const { name, flags, results } of [
    { name: 'P1', flags: [...SAME_PREFETCH, '--result-backend', 'none'], results: 'nowhere' },
    { name: 'P2', flags: SAME_PREFETCH, results: 'reply queue' },
  ] as const) {
    const highest = { resident: 0, proportional: 0 }
    await drain(arena, twq(flags), { count, results, watch: sampled(highest) })
    const what = `worker at its highest under ${name}, ${count.toLocaleString('en')} tasks`
    rows.push(row(what, highest.resident, highest.proportional, 125))
  }
  return rows
}

const SAMPLE_EVERY = 50

/** Records the peaks; reading the proportional size takes the worker's time, so it is read less often. */
function sampled(highest: { resident: number; proportional: number }): (pid: number) => void {
  let last = 0
  return (pid) => {
    if (Date.now() - last < SAMPLE_EVERY) return
    last = Date.now()
    highest.resident = highestResidentSize(pid)
    highest.proportional = Math.max(highest.proportional, proportionalSize(pid))
  }
}

function row(what: string, resident: number, proportional: number, atMost: number): Row {
  const measured = `PSS ${proportional.toFixed(0)} MB`
  return {
    id: 'P7',
    what: `${what}, resident`,
    measured,
    figure: resident,
    unit: ' MB',
    target: { kind: 'at most', value: atMost },
  }
}
