import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json } from '../../src/runtime/json.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import { aWorker, type WorkerScene } from '../support/a-worker.ts'
import type { Program } from '../support/program.ts'
import { startCeleryWorker } from '../support/python.ts'
import { PythonCaller } from '../support/python-caller.ts'
import { brokerUrl, celeryRelease, uniqueName } from '../support/services.ts'

// The table "Values" of docs/from-celery.md, row by row: an argument from Python and the result that goes back, and an
// argument from TypeScript and the result of a Python task.

/** A value on its way from Python and back. */
interface Trip {
  /** What Python sends, as an expression. */
  readonly python: string
  /** What `run()` gets. */
  readonly here: Json
  /** Python's `repr()` of what `get()` gives where the task returns its argument. */
  readonly back: string
  /** What is different with kombu 5.2. */
  readonly older?: {
    /** As `here` and `back`; undefined where Python refuses to send it. */
    readonly trip?: Pick<Trip, 'here' | 'back'>
    /** Python's `repr()` of `here` where TypeScript sends that. */
    readonly sent: string
  }
}

const unchanged = (python: string, here: Json): Trip => ({ python, here, back: python })

const ROWS: Readonly<Record<string, readonly Trip[]>> = {
  '`str`, `bool`, `None`, `list`, `dict`': [
    unchanged(`'grüße 🙂'`, 'grüße 🙂'),
    unchanged('True', true),
    unchanged('None', null),
    unchanged(`[1, ['two', []]]`, [1, ['two', []]]),
    unchanged(`{'a': {'b': None}, '__proto__': 1}`, JSON.parse('{"a":{"b":null},"__proto__":1}')),
    { python: `{1: 'a', None: 'b'}`, here: { 1: 'a', null: 'b' }, back: `{'1': 'a', 'null': 'b'}` },
  ],
  '`int` within ±(2**53 - 1)': [
    unchanged('0', 0),
    { python: '2**53 - 1', here: Number.MAX_SAFE_INTEGER, back: '9007199254740991' },
    { python: '1 - 2**53', here: Number.MIN_SAFE_INTEGER, back: '-9007199254740991' },
  ],
  '`int` beyond': [
    { python: '2**53', here: 2n ** 53n, back: '9007199254740992' },
    { python: '-10**40', here: -(10n ** 40n), back: `-1${'0'.repeat(40)}` },
  ],
  '`float`': [
    unchanged('0.1', 0.1),
    unchanged('5e-324', 5e-324),
    unchanged('1e+300', 1e300),
    { python: '1.0', here: 1, back: '1' },
  ],
  '`nan`, `inf`': [
    { python: 'float("nan")', here: Number.NaN, back: 'nan' },
    { python: 'float("-inf")', here: Number.NEGATIVE_INFINITY, back: '-inf' },
  ],
  '`datetime`': [
    {
      python: 'datetime.datetime(2024, 5, 6, 7, 8, 9, 123456)',
      here: new Date('2024-05-06T07:08:09.123Z'),
      back: 'datetime.datetime(2024, 5, 6, 7, 8, 9, 123000, tzinfo=datetime.timezone.utc)',
      older: {
        trip: { here: '2024-05-06T07:08:09.123456', back: `'2024-05-06T07:08:09.123456'` },
        sent: `{'__type__': 'datetime', '__value__': '2024-05-06T07:08:09.123000+00:00'}`,
      },
    },
    {
      python: 'datetime.datetime(2024, 5, 6, 7, 8, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))',
      here: new Date('2024-05-06T05:08:00Z'),
      back: 'datetime.datetime(2024, 5, 6, 5, 8, tzinfo=datetime.timezone.utc)',
      older: {
        trip: { here: '2024-05-06T07:08:00+02:00', back: `'2024-05-06T07:08:00+02:00'` },
        sent: `{'__type__': 'datetime', '__value__': '2024-05-06T05:08:00.000000+00:00'}`,
      },
    },
  ],
  '`bytes`': [
    {
      ...unchanged(`b'abc'`, Uint8Array.of(97, 98, 99)),
      older: { sent: `{'__type__': 'bytes', '__value__': 'abc'}` },
    },
    {
      ...unchanged(`b'\\xff\\x00'`, Uint8Array.of(255, 0)),
      older: { sent: `{'__type__': 'base64', '__value__': '/wA='}` },
    },
  ],
  '`Decimal`, `UUID`, `date`, `time`': [
    { python: 'decimal.Decimal("1.50")', here: '1.50', back: `'1.50'` },
    {
      python: 'uuid.UUID("0190A1B2-0000-7000-8000-0000000000Ff")',
      here: '0190a1b2-0000-7000-8000-0000000000ff',
      back: `'0190a1b2-0000-7000-8000-0000000000ff'`,
    },
    {
      python: 'datetime.date(2024, 5, 6)',
      here: '2024-05-06',
      back: `'2024-05-06'`,
      older: { trip: { here: '2024-05-06T00:00:00', back: `'2024-05-06T00:00:00'` }, sent: `'2024-05-06'` },
    },
    { python: 'datetime.time(7, 8, 9, 5000)', here: '07:08:09.005000', back: `'07:08:09.005000'` },
  ],
  '`tuple`': [{ python: `(1, ('two',))`, here: [1, ['two']], back: `[1, ['two']]` }],
}

/** What Python's JSON has no form for: the row says that it is not sent. */
const UNSENT = ['{1, 2}', 'frozenset()', 'datetime.timedelta(1)', '1j', 'object()']
const UNSENT_ROW = '`set`, `timedelta`, other objects'

const older = celeryRelease() === '5.2'
const trips = Object.values(ROWS).flat()
const received: unknown[] = []
const sameHere = defineTask({
  name: 'same_here',
  positional: ['value'],
  run({ value }: { value: unknown }) {
    received.push(value)
    return value
  },
})

let ours: WorkerScene
let python: PythonCaller
let theirs: Program
const pythonQueue = uniqueName('values')

beforeAll(async () => {
  ours = await aWorker([sameHere])
  const broker = brokerUrl()
  const started = [
    PythonCaller.start({ broker, queue: ours.queue }),
    startCeleryWorker({ broker, queue: pythonQueue }),
  ] as const
  ;[python, theirs] = await Promise.all(started)
})

afterAll(async () => {
  await theirs?.[Symbol.asyncDispose]()
  await python?.[Symbol.asyncDispose]()
  await ours?.[Symbol.asyncDispose]()
})

/** What `get()` gives of a task here that returns what it is sent. */
function returned(expression: string): Promise<unknown> {
  return python.evaluate(`repr(get(send_task("same_here", [${expression}])))`)
}

it('is about the rows of the table in docs/from-celery.md', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/from-celery.md'), 'utf8')
  const [, table = ''] = /\| in Python \| here \| back in Python \|\n\|[-|]+\|\n((?:\|.*\n)+)/.exec(page) ?? []
  const rows = table.split('\n').flatMap((line) => /^\| (.*?) \|/.exec(line)?.[1] ?? [])
  expect(rows).toEqual([...Object.keys(ROWS), UNSENT_ROW])
})

describe.each(Object.entries(ROWS))('%s', (_row, values) => {
  it.each(values)('is what the table says from Python and back: $python', async (value) => {
    if (older && value.older && value.older.trip === undefined) {
      await expect(returned(value.python)).rejects.toMatchObject({ type: 'EncodeError' })
      return
    }
    const expected = (older && value.older?.trip) || value
    expect(await returned(value.python)).toBe(expected.back)
    expect(received.at(-1)).toEqual(expected.here)
  })
})

it.each(UNSENT)('is not sent by Python: %s', async (expression) => {
  await expect(returned(expression)).rejects.toMatchObject({ type: 'EncodeError' })
})

it.each(trips)('is what the table says from TypeScript to a Python task and back: $python', async (value) => {
  const { here, back } = value
  const send = async (task: string) =>
    (await ours.client.send(task, [here], { queue: pythonQueue })).result({ timeout: '60s' })
  expect(await send('shown')).toBe((older && value.older?.sent) || back)
  expect(await send('same')).toEqual(here)
})
