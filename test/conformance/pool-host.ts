import type { Host } from '../../src/pool/host.ts'
import { createRegistry } from '../../src/tasks/registry.ts'
import { poolTasks } from './pool-tasks.ts'

/** The host of the members in the pool conformance suite; `without` leaves a task out, as a file that changed would. */
export async function openHost(setup: unknown): Promise<Host> {
  const { without } = setup as { readonly without?: string }
  if (without === 'everything') throw new Error('no tasks today')
  return { tasks: createRegistry(poolTasks.filter(({ name }) => name !== without)) }
}
