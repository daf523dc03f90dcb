import { describe, expect, expectTypeOf, it } from 'vitest'
import { createLogger, type EventLogger } from '../../src/runtime/log/logger.ts'
import { type TaskLogger, taskLogger } from '../../src/tasks/task-logger.ts'

function aTaskLogger(level = 'info') {
  const lines: Record<string, unknown>[] = []
  const logger = createLogger({ level, format: 'json', destination: { write: (text) => lines.push(JSON.parse(text)) } })
  const written = async () => {
    // Lines are written by the end of the turn.
    await new Promise((resolve) => setImmediate(resolve))
    return lines
  }
  return { log: taskLogger(logger), written }
}

describe('the logger of a task', () => {
  it('takes a message alone, or fields before it', async () => {
    const { log, written } = aTaskLogger()
    log.info('alone')
    log.warn({ to: 'ada' }, 'with a field')
    log.info({ only: 'fields' })
    expect(await written()).toMatchObject([
      { level: 'info', msg: 'alone' },
      { level: 'warn', to: 'ada', msg: 'with a field' },
      { level: 'info', only: 'fields' },
    ])
  })

  it('takes an error, with or without a message', async () => {
    const { log, written } = aTaskLogger()
    log.error(new RangeError('too far'), 'not sent')
    log.error(new RangeError('too far'))
    expect(await written()).toMatchObject([
      { msg: 'not sent', err: { type: 'RangeError', message: 'too far' } },
      { msg: 'too far', err: { type: 'RangeError', message: 'too far' } },
    ])
  })

  it('can be taken apart, narrowed and asked for its level', async () => {
    const { log, written } = aTaskLogger('warn')
    const { info, warn } = log.child({ part: 'mail' })
    info('not written')
    warn('written')
    expect(await written()).toMatchObject([{ part: 'mail', msg: 'written' }])
    expect([log.level, log.isLevelEnabled('info'), log.isLevelEnabled('error')]).toEqual(['warn', false, true])
  })

  it('is a logger for code that wants one', () => {
    expectTypeOf<TaskLogger>().toExtend<EventLogger>()
  })
})
