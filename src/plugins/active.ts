import type { Plugin } from '../tasks/plugin.ts'
import type { FailureLog } from './failure-log.ts'

/** Whether the hooks of a plugin are to be called now. One that can't say is active, and is logged where there is a log. */
export function isActive(plugin: Plugin, failures: FailureLog | undefined): boolean {
  if (plugin.active === undefined) return true
  try {
    return plugin.active() !== false
  } catch (error) {
    failures?.tell(plugin.name, 'active', error)
    return true
  }
}
