import { expect, it } from 'vitest'
import { lossesOf } from '../../../src/cli/remote/losses.ts'

it('tells once of events that are left out, and once of what is forgotten', () => {
  const stream = { dropped: 0 }
  const cluster = { forgotten: 0 }
  const losses = lossesOf(stream, cluster)
  expect(losses()).toBeUndefined()
  stream.dropped = 1
  cluster.forgotten = 1
  expect(losses()).toContain('too fast')
  expect(losses()).toContain('too large to remember')
  stream.dropped = 2
  cluster.forgotten = 2
  expect(losses()).toBeUndefined()
})
