import { expect, it } from 'vitest'
import { maskPasswords } from '../../src/runtime/mask-passwords.ts'

it.each([
  ['amqp://guest:guest@localhost:5672//', 'amqp://guest:***@localhost:5672//'],
  ['redis://:secret@host/0', 'redis://:***@host/0'],
  ['connect to amqp://u:p@ss:w/rd@h failed', 'connect to amqp://u:***@h failed'],
  ['amqp://a:b@one//;amqp://c:d@two//', 'amqp://a:***@two//'],
  ['two: amqp://a:b@c and amqp://d:e@f', 'two: amqp://a:***@c and amqp://d:***@f'],
  [
    'sentinel://h:26379/0?sentinel_password=s3&master_name=m',
    'sentinel://h:26379/0?sentinel_password=***&master_name=m',
  ],
  ['amqp://localhost:5672//', 'amqp://localhost:5672//'],
  ['amqp://guest@localhost//', 'amqp://guest@localhost//'],
  ['mail me@example.com: a:b', 'mail me@example.com: a:b'],
  ['', ''],
])('writes %s as %s', (text, expected) => {
  expect(maskPasswords(text)).toBe(expected)
})

it('leaves JSON valid, whatever the password holds', () => {
  const record = { url: 'amqp://u:a"b\\c@h', port: 'http://x:80/', mail: 'me@example.com' }
  const masked = JSON.parse(maskPasswords(JSON.stringify(record)))
  expect(masked).toEqual({ ...record, url: 'amqp://u:***@h' })
})

it('takes no longer than a moment for a text made to slow it down', () => {
  expect(maskPasswords(`://${'a:'.repeat(50_000)}`)).toHaveLength(100_003)
})
