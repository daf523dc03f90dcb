import { expect, it } from 'vitest'
import { ManualClock } from '../../src/runtime/time/manual-clock.ts'
import { TaskPublisher, type TaskPublisherParts } from '../../src/sending/task-publisher.ts'

it.each([
  [true, /rabbitmq-queues quorum_status work$/],
  [false, /^It was not sent: send it again once the broker answers$/],
])('says where to look when a queue does not answer; a quorum queue: %s', (quorum, hint) => {
  const parts = {
    session: { connected: true, connection: { blocked: undefined }, listen: () => () => {} },
    queues: { isQuorum: () => quorum },
    publishTimeout: 2_500,
    clock: new ManualClock(),
  } as unknown as TaskPublisherParts
  const error = new TaskPublisher(parts).tooLate({ task: 'add', id: '1', queue: 'work' }, false)
  expect(error).toMatchObject({ code: 'TWQ_PUBLISH_TIMEOUT', hint: expect.stringMatching(hint) })
})
