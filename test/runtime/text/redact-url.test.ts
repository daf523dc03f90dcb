import fc from 'fast-check'
import { expect, it } from 'vitest'
import { redactUrl } from '../../../src/runtime/text/redact-url.ts'

it.each([
  ['amqp://ann:secret@mq:5672/jobs', 'amqp://ann:***@mq:5672/jobs'],
  ['amqp://ann@mq:5672/', 'amqp://ann@mq:5672/'],
  ['amqp://mq:5672/', 'amqp://mq:5672/'],
  ['amqp://[::1]:5672/', 'amqp://[::1]:5672/'],
  ['redis://:secret@cache:6379/0', 'redis://:***@cache:6379/0'],
  ['amqp://ann:se/c@re#t?@mq', 'amqp://ann:***@mq'],
  ['amqp://ann:se cr"e\'t@mq', 'amqp://ann:***@mq'],
  ['ann:secret@mq', 'ann:***@mq'],
  ['secret@mq', '***@mq'],
  ['//ann:secret@mq', '//ann:***@mq'],
  ['amqp:/ann:secret@mq', 'amqp:***@mq'],
  ['amqp://ann:secret', 'amqp://ann:***'],
  ['amqp://ann:se/cret', 'amqp://ann:***'],
  ['ann:secret', 'ann:***'],
  ['redis//:secret@h', 'redis//:***@h'],
  [':secret@127.0.0.1:6821/0', ':***@127.0.0.1:6821/0'],
  [':secret', ':***'],
  ['localhost:5672', 'localhost:5672'],
  ['amqp://a:secret@b;amqp://c:secret@d', 'amqp://a:***@b;amqp://c:***@d'],
  ['amqp://mq/?password=secret&x=1', 'amqp://mq/?password=***&x=1'],
  [
    'sentinel://h:26379/0?sentinel_password=s3&master_name=m',
    'sentinel://h:26379/0?sentinel_password=***&master_name=m',
  ],
])('masks %s', (url, shown) => {
  expect(redactUrl(url)).toBe(shown)
})

it('masks any text that stands for a password', () => {
  const secret = fc.string({ minLength: 1 }).map((text) => `s3cr3t${text}s3cr3t`)
  fc.assert(
    fc.property(
      fc.constantFrom('amqp://ann:', 'redis://:', 'amqps://a%40b:', 'ann:', '//ann:', 'amqp:/ann:'),
      secret,
      (start, password) => {
        expect(redactUrl(`${start}${password}@mq:5672/jobs`)).not.toContain('s3cr3t')
      },
    ),
  )
})
