import type { TestModule, TestProject } from 'vitest/node'
import { amqpBroker } from '../../src/broker/amqp/amqp-broker.ts'
import { rememberPythons, whyNoCelery } from './provision/python.ts'
import { startRabbit } from './provision/rabbit.ts'
import { redisVersion } from './provision/redis.ts'
import { type Services, vhostOf } from './services.ts'
import { isTested, type Tested } from './tested-versions.ts'

type Teardown = () => Promise<void>

/**
 * Before the live tests: Pythons with Celery, a broker, and a line that says what they are. Afterwards: ends the broker and
 * lists what did not run. One for all projects that are live.
 */
export default async function provideServices(project: TestProject): Promise<Teardown | undefined> {
  if ('services' in project.getProvidedContext()) return undefined
  const projects = project.vitest.projects.filter(({ name }) => name.startsWith('live'))
  // In this order: where there is no Python, no broker has to be ended.
  const { newest, '5.2': oldest } = await rememberPythons()
  const redis = await redisVersion()
  const { broker, end } = await provideBroker(projects)
  try {
    const version = await versionOf(broker.url)
    for (const live of projects) live.provide('services', { broker, version })
    const older = 'missing' in oldest ? '' : ` and ${oldest.celeryVersion}`
    console.log(`live tests: RabbitMQ ${version}, Celery ${newest.celeryVersion}${older}, Redis ${redis}`)
    const here = { RabbitMQ: version, Celery: newest.celeryVersion, Node: process.versions.node, Redis: redis }
    for (const [what, its] of Object.entries(here) as [Tested, string][]) {
      if (!isTested(what, its)) console.log(`${what} ${its} is none of those that docs/compatibility.md names`)
    }
  } catch (error) {
    await end()
    throw error
  }
  return async () => {
    for (const line of notRun(project.vitest.state.getTestModules())) console.log(line)
    await end()
  }
}

/** The broker given from outside, or a private node with a virtual host for each test file. */
async function provideBroker(projects: readonly TestProject[]): Promise<Pick<Services, 'broker'> & { end: Teardown }> {
  const given = process.env.TWQ_TEST_BROKER_URL
  if (given) return { broker: { kind: 'given', url: given }, end: async () => {} }
  const node = await startRabbit()
  try {
    await node.addVhosts((await Promise.all(projects.map(vhostsOf))).flat())
  } catch (error) {
    await node[Symbol.asyncDispose]()
    throw error
  }
  return {
    broker: { kind: 'private', url: node.url(), control: node.control },
    end: () => node[Symbol.asyncDispose](),
  }
}

async function vhostsOf(project: TestProject): Promise<string[]> {
  const { testFiles } = await project.globTestFiles()
  return testFiles.map((file) => vhostOf(file, project.getProvidedContext().celery))
}

async function versionOf(url: string): Promise<string> {
  await using connection = await amqpBroker({ url, heartbeat: 10_000, name: 'live tests' }).connect()
  return connection.server.version
}

/** `not run: test/worker/remote/mingle.live.test.ts with Celery 5.2 (Debian’s Celery is 5.5.2, not 5.2)`, for each. */
function notRun(modules: readonly TestModule[]): string[] {
  return modules.flatMap((module) => {
    const { celery } = module.project.getProvidedContext()
    const why = whyNoCelery(celery)
    if (why !== undefined) return [`not run: ${module.relativeModuleId} with Celery ${celery} (${why})`]
    return [...module.children.allTests('skipped')].map((test) => {
      const result = test.result()
      const note = result.state === 'skipped' ? result.note : undefined
      return `not run: ${module.relativeModuleId} > ${test.fullName}${note ? ` (${note})` : ''}`
    })
  })
}
