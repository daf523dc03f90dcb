import type { AnyTask } from '../tasks/task.ts'

/** The tasks that a member can run. */
export interface Host {
  readonly tasks: {
    get(name: string): AnyTask | undefined
    /** In alphabetical order. */
    names(): readonly string[]
  }
}

/**
 * The module that a member imports, by URL, to get its host: so the pool need not know who puts tasks and configuration
 * together. `setup` is plain data from the pool.
 */
export interface HostModule {
  openHost(setup: unknown): Promise<Host>
}
