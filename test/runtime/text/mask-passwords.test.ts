import { expect, it } from 'vitest'
import { maskPasswords } from '../../../src/runtime/text/mask-passwords.ts'

it.each([
  ['amqp://guest:guest@localhost:5672//', 'amqp://guest:***@localhost:5672//'],
  ['redis://:secret@host/0', 'redis://:***@host/0'],
  ['connect to amqp://u:p@ss:w/rd@h failed', 'connect to amqp://u:***@h failed'],
  ['amqp://a:b@one//;amqp://c:d@two//', 'amqp://a:***@one//;amqp://c:***@two//'],
  ['amqp://a:b;c@one//;amqps://c:d/;e@two//', 'amqp://a:***@one//;amqps://c:***@two//'],
  ['amqp://a:forgotten;amqp://c:d@two//', 'amqp://a:***;amqp://c:***@two//'],
  ['two: amqp://a:b@c and amqp://d:e@f', 'two: amqp://a:***@c and amqp://d:***@f'],
  [
    'sentinel://h:26379/0?sentinel_password=s3&master_name=m',
    'sentinel://h:26379/0?sentinel_password=***&master_name=m',
  ],
  ['amqp://localhost:5672//', 'amqp://localhost:5672//'],
  ['amqp://[::1]:5672//', 'amqp://[::1]:5672//'],
  [
    'connect to amqp://localhost:5672, then http://[::1]:80/',
    'connect to amqp://localhost:5672, then http://[::1]:80/',
  ],
  ['host forgotten: amqp://guest:s3cr3t', 'host forgotten: amqp://guest:***'],
  ['a blank: amqp://guest:s3 cr3t@h is gone', 'a blank: amqp://guest:***@h is gone'],
  ['amqp://h:5672//;redis://:s3cr3t@c', 'amqp://h:5672//;redis://:***@c'],
  ['https://h/?api_token=s3cr3t&x=1', 'https://h/?api_token=***&x=1'],
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
