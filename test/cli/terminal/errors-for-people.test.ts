import { describe, expect, it } from 'vitest'
import { explain } from '../../../src/cli/terminal/errors-for-people.ts'
import { TwqError } from '../../../src/errors.ts'

describe('for people', () => {
  it('says what happened, why, and what to do', () => {
    const cause = new Error('connect ECONNREFUSED 127.0.0.1:5672')
    const hint = 'Is RabbitMQ running?\nTry: rabbitmqctl status'
    expect(explain(new TwqError('TWQ_BROKER_UNREACHABLE', 'no broker at localhost', { cause, hint }))).toBe(
      [
        'error[TWQ_BROKER_UNREACHABLE]: no broker at localhost',
        '  cause: connect ECONNREFUSED 127.0.0.1:5672',
        '  hint: Is RabbitMQ running?',
        '  hint: Try: rabbitmqctl status',
        '',
      ].join('\n'),
    )
  })

  it('says what to do about what is behind it, too', () => {
    const cause = new TwqError('TWQ_BROKER_UNREACHABLE', 'nothing listens', { hint: 'Is RabbitMQ running?' })
    const text = explain(new TwqError('TWQ_PUBLISH_TIMEOUT', 'not confirmed', { cause, hint: 'Send it again' }))
    expect(text).toContain('  hint: Send it again\n  hint: Is RabbitMQ running?\n')
  })

  it('does not say twice what the message says already', () => {
    const error = new TwqError('TWQ_TASKS', 'could not load a.ts: boom', { cause: new Error('boom') })
    expect(explain(error)).toBe('error[TWQ_TASKS]: could not load a.ts: boom\n')
  })

  it('names each cause down to the first, and ends where causes go in a circle', () => {
    const inner = new Error('inner')
    const outer = new Error('outer', { cause: inner })
    inner.cause = outer
    expect(explain(new TwqError('TWQ_INTERNAL', 'top', { cause: outer }))).toBe(
      'error[TWQ_INTERNAL]: top\n  cause: outer\n  cause: inner\n',
    )
  })

  it('shows the stack only when asked', () => {
    const error = new TwqError('TWQ_CLOSED', 'closed')
    expect(explain(error)).not.toContain('errors-for-people.test')
    expect(explain(error, { verbose: true })).toContain('errors-for-people.test')
  })

  it.each([
    [new Error('odd'), 'odd'],
    ['a text', 'a text'],
    [undefined, 'undefined'],
    [null, 'null'],
  ])('has a form for whatever was thrown: %s', (thrown, message) => {
    expect(explain(thrown)).toBe(
      `error[TWQ_INTERNAL]: ${message}\n  hint: Run it again with -v to see where it happened.\n`,
    )
  })

  it('masks passwords and shows control characters as escapes, but keeps its own emphasis', () => {
    const error = new TwqError('TWQ_CONFIG', 'bad amqp://u:secret@h \u001b[2J')
    expect(explain(error, { emphasise: (text) => `\u001b[31m${text}\u001b[39m` })).toBe(
      '\u001b[31merror[TWQ_CONFIG]\u001b[39m: bad amqp://u:***@h \\u001b[2J\n',
    )
  })
})

it('is one JSON document for programs', () => {
  const error = new TwqError('TWQ_CONFIG', 'bad amqp://u:secret@h', { hint: 'a\nb', cause: new TypeError('why') })
  expect(JSON.parse(explain(error, { json: true }))).toEqual({
    error: {
      code: 'TWQ_CONFIG',
      message: 'bad amqp://u:***@h',
      hints: ['a', 'b'],
      cause: { type: 'TypeError', message: 'why' },
    },
  })
})
