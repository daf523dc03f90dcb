import type { TestProject } from 'vitest/node'
import { rememberPythons } from './provision/python.ts'
import { startRabbit } from './provision/rabbit.ts'
import { type Services, vhostOf } from './services.ts'

/** Before the live tests: Pythons with Celery, a broker. Afterwards: ends the broker. One for all projects that are live. */
export default async function provideServices(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  if ('services' in project.getProvidedContext()) return undefined
  const projects = project.vitest.projects.filter(({ name }) => name.startsWith('live'))
  const [{ broker, end }] = await Promise.all([provideBroker(projects), rememberPythons()])
  for (const live of projects) live.provide('services', { broker })
  return end
}

/** The broker given from outside, or a private node with a virtual host for each test file. */
async function provideBroker(projects: readonly TestProject[]): Promise<Services & { end(): Promise<void> }> {
  const given = process.env.TWQ_TEST_BROKER_URL
  if (given) return { broker: { kind: 'given', url: given }, end: async () => {} }
  const node = await startRabbit()
  await node.addVhosts((await Promise.all(projects.map(vhostsOf))).flat())
  return {
    broker: { kind: 'private', url: node.url(), control: node.control },
    end: () => node[Symbol.asyncDispose](),
  }
}

async function vhostsOf(project: TestProject): Promise<string[]> {
  const { testFiles } = await project.globTestFiles()
  return testFiles.map((file) => vhostOf(file, project.getProvidedContext().celery))
}
