import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { aProjectWithout, type ProjectWithout } from '../support/project-without.ts'

const REDIS = "'redis://127.0.0.1:1/0'"
const CLIENT = `import { createClient } from 'twq'
try {
  createClient({ resultBackend: ${REDIS} })
} catch (error) {
  console.log(error.code, error.message, error.hint)
}`

let project: ProjectWithout

beforeAll(() => {
  project = aProjectWithout('ioredis', {
    'worker.config.mjs': `export default { tasks: ['./tasks.mjs'], resultBackend: ${REDIS} }`,
    'tasks.mjs': "import { defineTask } from 'twq'\nexport const add = defineTask({ name: 'add', run() {} })",
    'client.mjs': CLIENT,
  })
})
afterAll(() => project?.[Symbol.dispose]())

describe('without ioredis, and with a result backend that needs it,', () => {
  it.each([
    ['worker', 'start'],
    ['worker', 'start', '--dry-run'],
    ['task', 'send', 'add', '--wait'],
    ['task', 'result', 'an-id'],
  ])('twq %s %s says what to install before it does anything', async (...args) => {
    const { status, stdout, stderr } = await project.run('twq', args, { TWQ_BROKER: 'amqp://127.0.0.1:1//' })
    expect({ status, stdout }).toEqual({ status: 78, stdout: '' })
    expect(stderr).toContain('results in Redis need the package ioredis, which is not installed')
    expect(stderr).toContain('hint: npm install ioredis')
    expect(stderr).not.toContain('nothing listens')
  })

  it('createClient says so, too', async () => {
    const { stdout } = await project.run('client.mjs', [])
    expect(stdout.trim()).toBe(
      'TWQ_CONFIG results in Redis need the package ioredis, which is not installed npm install ioredis',
    )
  })
})
