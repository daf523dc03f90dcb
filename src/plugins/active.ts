import type { Plugin } from '../tasks/plugin.ts'
import type { FailureLog } from './failure-log.ts'

/**
 * Whether to call a plugin's hooks now. A plugin whose answer fails counts as active, and the failure is logged if there is a
 * log.
 */
export function isActive(plugin: Plugin, failures: FailureLog | undefined): boolean {
  if (plugin.active === undefined) return true
  try {
    return plugin.active() !== false
  } catch (error) {
    failures?.tell(plugin.name, 'active', error)
    return true
  }
}
