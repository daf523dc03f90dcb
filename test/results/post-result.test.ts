import { expect, it } from 'vitest'
import type { ResultBackend } from '../../src/results/backend.ts'
import { postResult } from '../../src/results/post-result.ts'

const record = { taskId: '1', state: 'SUCCESS', result: 5, traceback: null, children: [] } as const
const owner = { id: '1', replyTo: '', correlationId: '1' }

/** What a listener hears of a record that this backend is given. */
function heardOf(store: ResultBackend['store']): Promise<unknown> {
  return new Promise((resolve) =>
    postResult(
      { kind: 'own', store },
      record,
      { owner, routingKey: 'celery' },
      { stored: (answer, stored) => resolve([answer, stored]), refused: (error, refused) => resolve([error, refused]) },
    ),
  )
}

it('tells what a backend of any kind makes of a record', async () => {
  expect(await heardOf(async () => 'dropped')).toEqual(['dropped', record])
  const error = new Error('it is full')
  expect(await heardOf(() => Promise.reject(error))).toEqual([error, record])
})

it('tells of a backend that throws as of one that rejects', async () => {
  const error = new Error('it is full')
  const store = () => {
    throw error
  }
  expect(await heardOf(store)).toEqual([error, record])
})
