import { expect, it } from 'vitest'
import { openHost } from '../../src/worker/member-host.ts'

it('has the tasks that every Celery worker has, in threads and processes too', async () => {
  const setup = { file: undefined, baseDir: import.meta.dirname, modules: [], takeTasks: false }
  const { tasks } = await openHost(setup)
  expect(tasks.get('celery.starmap')?.name).toBe('celery.starmap')
  expect(tasks.names()).toEqual([])
})
