import { parseArgs } from 'node:util'
import { programsOf } from '../test/brokers/releases.ts'
import { type Arena, openArena } from './arena.ts'
import { roundTrip, sending } from './calls.ts'
import { commands } from './commands.ts'
import { type Row, reaches } from './comparison.ts'
import {
  drainBacklog,
  drainFailures,
  drainOtherwise,
  drainTraced,
  drainWithDefaults,
  drainWithoutResults,
  drainWithResults,
} from './drains.ts'
import { machine } from './machine.ts'
import { memory } from './memory.ts'
import { besideBullmq, besideCelery } from './peers.ts'
import { pools } from './pools.ts'
import { waiting } from './waiting.ts'

const HELP = `npm run bench -- [options]

Prints what twq does beside what plain amqplib, or Celery, does in the same run, and the target of each figure.

  --only <names>   some of the measurements: P1,P2,defaults,celery,bullmq,P4,P5,P6,P7,P8,P9,P10,P11,P12,P13
  --rounds <n>     how often each side runs (5)
  --quick          2 rounds with fewer messages: for a first impression only
  --rabbitmq <v>   on RabbitMQ 4.0 or 4.3 instead of the machine's own; needs root and debootstrap
  --json           the rows as JSON
  --markdown       the rows as a table for a page
  --strict         exit 1 when a target is missed

Processor time stands in parentheses: microseconds of the consumer + of the broker for each task.
`

const HEAD = `| | what | figure | target | measured |
|---|---|---|---|---|`

const MEASUREMENTS: Readonly<Record<string, (arena: Arena) => Promise<Row[]>>> = {
  P1: drainWithoutResults,
  P2: drainWithResults,
  defaults: drainWithDefaults,
  celery: besideCelery,
  bullmq: besideBullmq,
  P4: roundTrip,
  P5: sending,
  P6: commands,
  P7: memory,
  P8: drainBacklog,
  P9: pools,
  P10: waiting,
  P11: drainTraced,
  P12: drainOtherwise,
  P13: drainFailures,
}

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: Object.keys(MEASUREMENTS).join() },
    rounds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    rabbitmq: { type: 'string' },
    markdown: { type: 'boolean', default: false },
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
  if (values.rabbitmq !== undefined) process.env.TWQ_TEST_RABBITMQ = await programsOf(values.rabbitmq, '--rabbitmq')
  const { quick, json, markdown } = values
  await using arena = await openArena({
    rounds: Number(values.rounds ?? (quick ? 2 : 5)),
    messages: quick ? 10_000 : 20_000,
    drained: quick ? 10_000 : 60_000,
    watched: quick ? 50_000 : 500_000,
    backlog: quick ? 100_000 : 1_000_000,
    calls: quick ? 300 : 1000,
  })
  if (!json) process.stdout.write(`${await machine(arena)}\n${markdown ? `\n${HEAD}\n` : ''}`)
  const rows: Row[] = []
  for (const measure of chosen) {
    for (const row of await measure(arena)) {
      rows.push(row)
      if (!json) process.stdout.write(`${markdown ? tableRow(row) : line(row)}\n`)
    }
  }
  if (json) process.stdout.write(`${JSON.stringify(rows.map((row) => ({ ...row, ok: reaches(row) })))}\n`)
  return values.strict && rows.some((row) => reaches(row) === false) ? 1 : 0
}

/** `P1   drain …   1.12× (at least 1×) ok   12,300/s against 11,000/s` */
function line(row: Row): string {
  const { id, what, figure, unit, target, measured } = row
  const aim = target === undefined ? 'no target' : `${target.kind} ${target.value}${unit}`
  const mark = { true: 'ok', false: 'MISSED', undefined: '' }[String(reaches(row))]!
  return [
    id.padEnd(9),
    what.padEnd(56),
    shown(figure, unit).padStart(8),
    `(${aim})`.padEnd(18),
    mark.padEnd(7),
    measured,
  ].join(' ')
}

/** The same as a row of a table. */
function tableRow({ id, what, figure, unit, target, measured }: Row): string {
  const aim = target === undefined ? '' : `${target.kind} ${target.value}${unit}`
  return `| ${id} | ${what} | ${shown(figure, unit)} | ${aim} | ${measured} |`
}

function shown(figure: number, unit: string): string {
  return `${figure.toFixed(unit === '×' ? 2 : 0)}${unit}`
}
