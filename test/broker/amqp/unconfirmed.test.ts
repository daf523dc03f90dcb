import { expect, it } from 'vitest'
import { UnconfirmedPublishes } from '../../../src/broker/amqp/unconfirmed.ts'

const QUEUE_A = { exchange: '', routingKey: 'a' }

function published(...messageIds: (string | undefined)[]) {
  const unconfirmed = new UnconfirmedPublishes()
  for (const messageId of messageIds) {
    const ignore = (): void => {}
    unconfirmed.add({
      route: QUEUE_A,
      size: 0,
      messageId,
      mandatory: true,
      returned: false,
      listener: { confirmed: ignore, refused: ignore },
    })
  }
  const answered: (string | undefined)[] = []
  const settle = (tag: number, multiple: boolean): void =>
    unconfirmed.settle(tag, multiple, (publish) =>
      answered.push(`${publish.messageId}${publish.returned ? ' returned' : ''}`),
    )
  return { unconfirmed, answered, settle }
}

it('settles one publish, or everything up to it, each once', () => {
  const { unconfirmed, answered, settle } = published('a', 'b', 'c', 'd')
  settle(2, false)
  settle(3, true)
  settle(3, true)
  settle(2, false)
  expect(answered).toEqual(['b', 'a', 'c'])
  expect(unconfirmed.drain().map((publish) => publish.messageId)).toEqual(['d'])
  expect(unconfirmed.size).toBe(0)
})

it('finds a returned message by its id and route, the oldest first', () => {
  const { unconfirmed, answered, settle } = published('a', 'twice', 'twice')
  unconfirmed.returned('twice', { exchange: '', routingKey: 'elsewhere' })
  unconfirmed.returned('unknown', QUEUE_A)
  unconfirmed.returned('twice', QUEUE_A)
  settle(3, true)
  expect(answered).toEqual(['a', 'twice returned', 'twice'])
})

it('finds the next one that was returned, however many were returned before it', () => {
  const messageIds = Array.from({ length: 50_000 }, (_, index) => `id ${index}`)
  const { unconfirmed, answered, settle } = published(...messageIds)
  for (const messageId of messageIds) unconfirmed.returned(messageId, QUEUE_A)
  settle(messageIds.length, true)
  expect(answered).toEqual(messageIds.map((messageId) => `${messageId} returned`))
})

it('finds a returned message behind others that were confirmed', () => {
  const { unconfirmed, answered, settle } = published('a', 'b', 'c')
  unconfirmed.returned('a', QUEUE_A)
  settle(2, true)
  unconfirmed.returned('c', QUEUE_A)
  settle(3, false)
  expect(answered).toEqual(['a returned', 'b', 'c returned'])
})
