import type { TestProject } from 'vitest/node'
import { python, rememberPython } from './provision/python.ts'
import { startRabbit } from './provision/rabbit.ts'
import { type Services, vhostOf } from './services.ts'

/** Before the live tests: a Python with Celery, a broker. Afterwards: ends the broker. */
export default async function provideServices(project: TestProject): Promise<() => Promise<void>> {
  const [{ broker, end }] = await Promise.all([provideBroker(project), python().then(rememberPython)])
  project.provide('services', { broker })
  return end
}

/** The broker given from outside, or a private node with a virtual host for each test file. */
async function provideBroker(project: TestProject): Promise<Services & { end(): Promise<void> }> {
  const given = process.env.TWQ_TEST_BROKER_URL
  if (given) return { broker: { kind: 'given', url: given }, end: async () => {} }
  const node = await startRabbit()
  const { testFiles } = await project.globTestFiles()
  await node.addVhosts(testFiles.map(vhostOf))
  return {
    broker: { kind: 'private', url: node.url(), control: node.control },
    end: () => node[Symbol.asyncDispose](),
  }
}
