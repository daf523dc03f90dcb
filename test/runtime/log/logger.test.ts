import { describe, expect, it } from 'vitest'
import { TwqError } from '../../../src/errors.ts'
import { createLogger, type LoggerOptions } from '../../../src/runtime/log/logger.ts'

function aLogger(options: Partial<LoggerOptions> & { isTTY?: boolean } = {}) {
  const lines: string[] = []
  const destination = { isTTY: options.isTTY ?? false, write: (text: string) => lines.push(text) }
  const logger = createLogger({ level: 'info', format: 'auto', destination, ...options })
  return { logger, lines, record: (index = 0) => JSON.parse(lines[index] as string) as Record<string, unknown> }
}

describe('off a terminal', () => {
  it('writes one JSON document a line, with the fields of every line', () => {
    const { logger, lines, record } = aLogger({ fields: { node: 'twq@host', pid: 7 } })
    logger.info({ event: 'worker.ready', queues: ['celery'] }, 'ready')
    expect(lines[0]).toMatch(/^\{.*\}\n$/)
    expect(record()).toMatchObject({
      level: 'info',
      node: 'twq@host',
      pid: 7,
      event: 'worker.ready',
      queues: ['celery'],
      msg: 'ready',
    })
    expect(record().time).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/)
  })

  it('adds the fields of a child, and leaves out what the level does not ask for', () => {
    const { logger, lines, record } = aLogger({ level: 'warn' })
    logger.child({ task_id: 'a' }).warn({}, 'one')
    logger.info({}, 'two')
    expect(lines).toHaveLength(1)
    expect(record()).toMatchObject({ task_id: 'a', msg: 'one' })
    expect(logger.isLevelEnabled('info')).toBe(false)
  })

  it('keeps what matters of an error, its cause included, and nothing else of it', () => {
    const { logger, record } = aLogger()
    const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED', request: { token: 'secret' } })
    logger.error({ error: new TwqError('TWQ_BROKER_UNREACHABLE', 'no broker', { hint: 'start it', cause }) }, 'failed')
    expect(record().error).toMatchObject({
      type: 'TwqError',
      message: 'no broker',
      code: 'TWQ_BROKER_UNREACHABLE',
      hint: 'start it',
      stack: expect.stringContaining('logger.test.ts'),
      cause: { type: 'Error', message: 'refused', code: 'ECONNREFUSED' },
    })
    expect(JSON.stringify(record())).not.toContain('secret')
  })

  it('survives an error that is its own cause, and values that JSON lacks', () => {
    const { logger, lines } = aLogger()
    const error = new Error('round')
    error.cause = error
    const circle: Record<string, unknown> = {}
    circle.self = circle
    logger.error({ error, circle, big: 2n ** 64n, not: Number.NaN }, 'odd')
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain('18446744073709551616')
  })

  it('shows no password of a URL, however deep or in a stack trace', () => {
    const { logger, lines } = aLogger()
    const error = new Error('amqp://u:hunter2@h is gone')
    logger.error({ error, deep: [{ url: 'amqp://u:hunter2@h' }] }, 'lost amqp://u:hunter2@h')
    expect(lines[0]).not.toContain('hunter2')
    expect(() => JSON.parse(lines[0] as string)).not.toThrow()
  })
})

describe('whatever is logged', () => {
  const line = (fields: Record<string, unknown>, message = 'odd', options: Partial<LoggerOptions> = {}) => {
    const { logger, lines } = aLogger(options)
    logger.error(fields, message)
    return lines.join('')
  }
  const long = 'x'.repeat(100_000)

  it.each<[string, Record<string, unknown>, string?]>([
    ['a text', { reason: long }],
    ['an error', { err: new Error(long) }],
    ['an error with causes', { err: new Error(long, { cause: new Error(long, { cause: new Error(long) }) }) }],
    ['a message', {}, long],
    ['a list', { tasks: Array.from({ length: 100_000 }, (_, index) => `task-${index}`) }],
    ['a deep list', { deep: [[[[[[[[long]]]]]]]] }],
    ['a wide table', { table: Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`k${index}`, long])) }],
    ['many fields', Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`field${index}`, long]))],
    ['bytes', { body: Buffer.alloc(1_000_000, 1) }],
    ['a long name of a field', { [long]: 1 }],
    [
      'text of three bytes a character',
      { reason: '漢'.repeat(100_000), second: '漢'.repeat(1_000), third: '漢'.repeat(1_000) },
    ],
    ['controls', { reason: '\u0000'.repeat(100_000), other: '\u009b'.repeat(100_000), more: '\u0001'.repeat(900) }],
    [
      'a list without end',
      { list: new Proxy([], { get: (list, key) => (key === 'length' ? 2 ** 32 - 1 : Reflect.get(list, key)) }) },
    ],
  ])('is at most 8 kB: %s', (_, fields, message) => {
    for (const format of ['json', 'pretty'] as const) {
      const text = line(fields, message, { format })
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(8_192)
      expect(text.endsWith('\n')).toBe(true)
    }
    const record = JSON.parse(line(fields, message)) as Record<string, unknown>
    expect(record).toMatchObject({ level: 'error', msg: expect.any(String) })
  })

  it('keeps a thousand characters of a text, and says that more was there', () => {
    expect(JSON.parse(line({ reason: long })).reason).toBe(`${'x'.repeat(1_000)}…`)
  })

  it('is valid JSON with the same values where a terminal could be steered', () => {
    const evil = '\u009b2J \u202e \u2066 \u2028 \u007f \u001b[2J'
    const text = line({ [evil]: evil }, evil)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/)
    expect(JSON.parse(text)).toMatchObject({ msg: evil, [evil]: evil })
  })

  it('may have getters that throw, and be a proxy that refuses to be asked', () => {
    const error = new Error('x')
    for (const name of ['stack', 'name', 'message', 'cause', 'code']) {
      Object.defineProperty(error, name, {
        get() {
          throw new Error('not yours')
        },
      })
    }
    const refuse = (): never => {
      throw new Error('refused')
    }
    const proxy = new Proxy({}, { get: refuse, ownKeys: refuse, getPrototypeOf: refuse, has: refuse })
    expect(JSON.parse(line({ err: error, proxy, list: [proxy] }))).toMatchObject({ err: { type: 'Error' }, msg: 'odd' })
  })
})

describe('on a terminal', () => {
  it('is readable', () => {
    const { logger, lines } = aLogger({ isTTY: true, color: false })
    logger.info({ event: 'consumer.restored', queue: 'celery' }, 'consuming')
    expect(lines[0]).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: consuming \{"queue":"celery"\}\n$/)
  })

  it('writes JSON there too when asked for it, and pretty lines elsewhere', () => {
    const json = aLogger({ isTTY: true, format: 'json' })
    json.logger.info({}, 'hello')
    expect(json.record().msg).toBe('hello')
    const pretty = aLogger({ format: 'pretty' })
    pretty.logger.info({}, 'hello')
    expect(pretty.lines[0]).toMatch(/INFO: hello\n$/)
  })

  it('lets no text from outside forge a line or steer the terminal', () => {
    const { logger, lines } = aLogger({ isTTY: true, color: false })
    const evil = 'x\n[00:00:00.000] INFO: forged \u001b[2J'
    const error = new Error(evil)
    logger.child({ task: evil }).error({ [evil]: evil, error }, evil)
    const text = lines.join('')
    expect(text).not.toContain('\u001b')
    expect(text.split('\n').filter((line) => line.startsWith('['))).toHaveLength(1)
  })

  it('names the class of an error, whichever field it is', () => {
    const { logger, record } = aLogger({ format: 'json' })
    logger.error({ err: new RangeError('far'), error: new TypeError('odd') }, 'failed')
    expect(record()).toMatchObject({ err: { type: 'RangeError' }, error: { type: 'TypeError' } })
  })

  it('puts the stack trace below its line', () => {
    const { logger, lines } = aLogger({ isTTY: true, color: false })
    logger.error({ error: new Error('broken') }, 'failed')
    const [first, second, third] = (lines[0] as string).split('\n')
    expect(first).toMatch(/ERROR: failed \{"error":\{"type":"Error","message":"broken"\}\}$/)
    expect(second).toBe('    Error: broken')
    expect(third).toMatch(/^ {8}at .*logger\.test\.ts/)
  })
})
