import { expect, it, onTestFinished } from 'vitest'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aProject } from '../../support/a-project.ts'
import { aWorker } from '../../support/a-worker.ts'
import { startRedis } from '../../support/provision/redis.ts'
import { publishRaw, queueOnce, withChannel } from '../../support/raw-broker.ts'
import { runTwq } from '../../support/run-twq.ts'
import { brokerUrl, ctl, uniqueName, vhost } from '../../support/services.ts'

interface Report {
  readonly errors: number
  readonly findings: readonly { check: string; status: string; what: string; why?: string; fix?: string }[]
}

const TASKS = `
import { defineTask } from 'twq'
export const add = defineTask({ name: 'add', run: () => 1 })`

async function examined(
  env: Readonly<Record<string, string>>,
  ...flags: readonly string[]
): Promise<{ status: number | null; report: Report }> {
  const project = aProject({
    'worker.config.ts': `export default { tasks: ['./tasks.ts'] }`,
    'tasks.ts': TASKS,
  })
  onTestFinished(() => project[Symbol.dispose]?.())
  const { status, stdout } = await runTwq(['doctor', '--json', ...flags], { cwd: project.folder, env })
  return { status, report: JSON.parse(stdout) as Report }
}

it('finds what differs between this configuration, the broker and a worker, and changes nothing', async () => {
  await using scene = await aWorker([defineTask({ name: 'other', run: () => 1 })])
  const { queue } = scene
  await publishRaw(queue, { body: Buffer.from('{broken') })
  await queueOnce(`${queue}.quarantine`, ({ messages }) => messages === 1)
  const missing = uniqueName('missing')
  const { status, report } = await examined({ TWQ_BROKER: brokerUrl(), TWQ_QUEUES: `${queue},${missing}` })
  expect(status).toBe(0)
  expect(report.findings).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ check: 'tasks', status: 'ok', what: '1 can be loaded' }),
      expect.objectContaining({ check: 'permissions', status: 'ok' }),
      expect.objectContaining({ check: `queue ${queue}`, what: `1 message in ${queue}.quarantine` }),
      expect.objectContaining({ check: `queue ${missing}`, what: 'it does not exist' }),
      expect.objectContaining({ what: 'it has tasks that this configuration has not: other' }),
      expect.objectContaining({ what: 'it has not the tasks add' }),
    ]),
  )
  await expect(withChannel((channel) => channel.inspectQueue(missing))).rejects.toMatchObject({
    code: 'TWQ_QUEUE_MISSING',
  })
})

it('ends with 1 where the broker refuses, and says what to do', async () => {
  const user = uniqueName('user')
  await ctl('add_user', user, 'secret')
  onTestFinished(async () => void (await ctl('delete_user', user)))
  await ctl('set_permissions', '-p', vhost(), user, '^$', '^$', '.*')
  const url = Object.assign(new URL(brokerUrl()), { username: user, password: 'secret' }).href
  const refused = await examined({ TWQ_BROKER: url })
  expect(refused.status).toBe(1)
  expect(refused.report.findings).toContainEqual(
    expect.objectContaining({
      check: 'permissions',
      status: 'error',
      what: expect.stringContaining('may not publish to queues'),
      fix: expect.stringContaining('rabbitmqctl set_permissions'),
    }),
  )
  const wrong = await examined({ TWQ_BROKER: url.replace('secret', 'wrong') })
  expect(wrong).toMatchObject({ status: 1, report: { errors: 1 } })
  expect(wrong.report.findings.at(-1)).toMatchObject({ check: 'broker', status: 'error' })
  expect(JSON.stringify(wrong.report)).not.toContain('wrong')
})

it('asks the Redis that keeps the results', async () => {
  await using redis = await startRedis()
  const there = await examined({ TWQ_BROKER: brokerUrl(), TWQ_RESULT_BACKEND: redis.url }, '--timeout', '1m')
  expect(there.report.findings).toContainEqual(expect.objectContaining({ check: 'result backend', status: 'ok' }))
  const absent = await examined({ TWQ_BROKER: brokerUrl(), TWQ_RESULT_BACKEND: 'redis://127.0.0.1:1/0' })
  expect(absent.status).toBe(1)
  expect(absent.report.findings).toContainEqual(expect.objectContaining({ check: 'result backend', status: 'error' }))
})
