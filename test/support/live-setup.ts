import type { TestProject } from 'vitest/node'
import { startRabbit } from './provision/rabbit.ts'
import { type Services, vhostOf } from './services.ts'

/** Before the live tests: a broker, with a virtual host for each test file. Ends them afterwards. */
export default async function provideServices(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env.TWQ_TEST_BROKER_URL
  if (given) {
    project.provide('services', { broker: { kind: 'given', url: given } })
    return async () => {}
  }
  const node = await startRabbit()
  try {
    const { testFiles } = await project.globTestFiles()
    await node.addVhosts(testFiles.map(vhostOf))
  } catch (error) {
    await node[Symbol.asyncDispose]()
    throw error
  }
  project.provide('services', {
    broker: { kind: 'private', url: node.url(), control: node.control },
  } satisfies Services)
  return () => node[Symbol.asyncDispose]()
}
