import { createRequire } from 'node:module'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import { privateAmqplib } from '../../../src/broker/amqp/private-amqplib.ts'

const require = createRequire(import.meta.url)
const codecPath = join(require.resolve('amqplib'), '..', 'lib', 'codec.js')

it("leaves the application's amqplib as it was", () => {
  const before = require('amqplib')
  const codec = { ...require(codecPath) }
  const ours = privateAmqplib()
  expect(require('amqplib')).toBe(before)
  expect(require(codecPath)).toEqual(codec)
  const theirs = require(join(codecPath, '..', 'channel_model.js')).ConfirmChannel
  expect(ours.Channel).not.toBe(theirs)
})

it('is loaded once', () => {
  expect(privateAmqplib()).toBe(privateAmqplib())
})

it('closes without a look at the call stack, and says why it is closed', () => {
  const { Connection } = privateAmqplib()
  const connection = new Connection(new PassThrough())
  const { prepareStackTrace } = Error
  const stacks: unknown[] = []
  Error.prepareStackTrace = (error) => stacks.push(error)
  try {
    connection.close()
  } finally {
    Error.prepareStackTrace = prepareStackTrace
  }
  expect(stacks).toEqual([])
  expect(() => connection.sendMethod(0, 0, {})).toThrow(
    expect.objectContaining({ stackAtStateChange: expect.stringMatching(/^closeBecause called: [^\n]*$/) }),
  )
})
