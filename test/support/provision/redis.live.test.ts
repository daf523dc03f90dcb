import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, it } from 'vitest'
import { startRedis } from './redis.ts'

it('a private Redis answers', async () => {
  await using redis = await startRedis()
  const socket = connect(Number(new URL(redis.url).port), '127.0.0.1')
  socket.end('PING\r\n')
  const [answer] = await once(socket.setEncoding('utf8'), 'data')
  expect(answer).toBe('+PONG\r\n')
})
