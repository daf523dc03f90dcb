import { parseArgs } from 'node:util'
import { type Arena, openArena } from './arena.ts'
import { besideCelery } from './beside-celery.ts'
import { roundTrip, sending } from './calls.ts'
import { commands } from './commands.ts'
import { type Row, reaches } from './comparison.ts'
import { drainTraced, drainWithDefaults, drainWithoutResults, drainWithResults } from './drain.ts'
import { memory } from './memory.ts'
import { pools } from './pools.ts'
import { waiting } from './waiting.ts'

const HELP = `npm run bench -- [options]

Prints what twq does beside what plain amqplib, or Celery, does in the same run, and the target of each figure.

  --only <names>   some of the measurements: P1,P2,defaults,celery,P4,P5,P6,P7,P9,P10,P11
  --rounds <n>     how often each side runs (5)
  --quick          2 rounds with fewer messages: for a first impression only
  --json           the rows as JSON
  --strict         exit 1 when a target is missed
`

const MEASUREMENTS: Readonly<Record<string, (arena: Arena) => Promise<Row[]>>> = {
  P1: drainWithoutResults,
  P2: drainWithResults,
  defaults: drainWithDefaults,
  celery: besideCelery,
  P4: roundTrip,
  P5: sending,
  P6: commands,
  P7: memory,
  P9: pools,
  P10: waiting,
  P11: drainTraced,
}

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: Object.keys(MEASUREMENTS).join() },
    rounds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    strict: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) process.stdout.write(HELP)
else process.exitCode = await bench()

async function bench(): Promise<number> {
  const chosen = values.only.split(',').map((name) => {
    const measure = MEASUREMENTS[name]
    if (measure === undefined) throw new Error(`--only ${name}: there are ${Object.keys(MEASUREMENTS).join(', ')}`)
    return measure
  })
  await using arena = await openArena({
    rounds: Number(values.rounds ?? (values.quick ? 2 : 5)),
    messages: values.quick ? 10_000 : 20_000,
    drained: values.quick ? 10_000 : 60_000,
    calls: values.quick ? 300 : 1000,
  })
  const rows: Row[] = []
  for (const measure of chosen) {
    for (const row of await measure(arena)) {
      rows.push(row)
      if (!values.json) process.stdout.write(`${line(row)}\n`)
    }
  }
  if (values.json) {
    process.stdout.write(`${JSON.stringify(rows.map((row) => ({ ...row, ok: reaches(row) })))}\n`)
  }
  return values.strict && rows.some((row) => reaches(row) === false) ? 1 : 0
}

/** `P1   drain …   1.12× (at least 1×) ok   12,300/s against 11,000/s` */
function line(row: Row): string {
  const { id, what, figure, unit, target, measured } = row
  const digits = unit === '×' ? 3 : 0
  const aim = target === undefined ? 'no target' : `${target.kind} ${target.value}${unit}`
  const mark = { true: 'ok', false: 'MISSED', undefined: '' }[String(reaches(row))]!
  return [
    id.padEnd(9),
    what.padEnd(56),
    `${figure.toFixed(digits)}${unit}`.padStart(8),
    `(${aim})`.padEnd(18),
    mark.padEnd(7),
    measured,
  ].join(' ')
}
