import { expect, it } from 'vitest'
import { parseAddress } from '../../src/runtime/address.ts'

it.each([
  ['127.0.0.1:9808', { host: '127.0.0.1', port: 9808 }],
  ['localhost:0', { host: 'localhost', port: 0 }],
  ['9808', { host: '127.0.0.1', port: 9808 }],
  [':9808', { host: '0.0.0.0', port: 9808 }],
  ['[::1]:9808', { host: '::1', port: 9808 }],
  ['[::]:65535', { host: '::', port: 65_535 }],
])('reads %s', (text, address) => {
  expect(parseAddress(text)).toEqual(address)
})

it.each(['', ':', 'localhost', 'localhost:', '::1:9808', 'a:65536', 'a:1:2', 'a b:1', 'http://a:1', 'a:-1', 'u@a:1'])(
  'refuses %j',
  (text) => {
    expect(parseAddress(text)).toBeUndefined()
  },
)
