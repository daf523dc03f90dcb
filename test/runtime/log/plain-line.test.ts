import fc from 'fast-check'
import { pino } from 'pino'
import { expect, it } from 'vitest'
import { writePlainLines } from '../../../src/runtime/log/plain-line.ts'

/** Two loggers that differ in nothing but who writes plain lines, and the lines of each. */
function twoLoggers() {
  const sides = [0, 1].map(() => {
    const lines: string[] = []
    const options = {
      base: { node: 'twq@host', pid: 7 },
      formatters: { level: (level: string) => ({ level }) },
      timestamp: () => ',"time":"2026-01-01T00:00:00.000Z"',
    }
    return { logger: pino(options, { write: (line: string) => void lines.push(line) }), lines }
  })
  const [ours, pinos] = sides as [(typeof sides)[0], (typeof sides)[0]]
  writePlainLines(ours.logger, pino.symbols)
  return { ours, pinos }
}

const text = fc.option(fc.string({ unit: 'binary', maxLength: 20 }))
const long = fc.string({ maxLength: 1_100 })

const value = fc.oneof(
  fc.record({ type: text, message: fc.oneof(text, long), stack: fc.oneof(text, long) }, { requiredKeys: [] }),
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.string({ maxLength: 1_100 }),
  fc.double(),
  fc.integer(),
  fc.boolean(),
  fc.constantFrom(null, undefined, [], {}, -0),
)

it('writes the bytes that pino writes, whatever was written before', () => {
  const { ours, pinos } = twoLoggers()
  const fields = fc.dictionary(
    fc.constantFrom('task', 'task_id', 'attempt', 'error', 'a "name"', 'err', '__proto__'),
    value,
  )
  fc.assert(
    fc.property(fields, fc.string({ unit: 'binary' }), fc.constantFrom('info', 'error'), (line, message, level) => {
      for (const { logger } of [ours, pinos]) {
        logger[level as 'info'](line, message)
        logger.child({ child: 'yes' })[level as 'info'](line, 'a child')
      }
      expect(ours.lines).toEqual(pinos.lines)
      for (const { lines } of [ours, pinos]) lines.length = 0
    }),
    { numRuns: 1_000 },
  )
})

it('writes inherited fields as pino does, also where their value was written before', () => {
  const { ours, pinos } = twoLoggers()
  for (const { logger } of [ours, pinos]) {
    logger.info({ task: 'add' }, 'own')
    logger.info(Object.create({ task: 'add' }), 'inherited')
  }
  expect(ours.lines).toEqual(pinos.lines)
})

it('writes an error as it was described, with its escapes', () => {
  const { ours, pinos } = twoLoggers()
  for (const { logger } of [ours, pinos]) {
    logger.error({ error: { type: 'RangeError', message: 'say "no"', stack: 'RangeError\n    at run' } }, 'failed')
    logger.error({ error: { type: 'RangeError', code: 7 } }, 'failed otherwise')
  }
  expect(ours.lines).toEqual(pinos.lines)
})
