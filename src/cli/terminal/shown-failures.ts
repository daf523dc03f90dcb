import type { KeptFailures } from '../../config/options/failures.ts'

/** Describes what is kept of failed tasks, for the banner and `twq doctor`. */
export function shownFailures(failures: KeptFailures | 'drop'): string {
  if (failures === 'drop') return 'not kept'
  const { keep, bytes, for: lifetime, drop } = failures
  const without = drop.length === 0 ? '' : `, without ${drop.join(', ')}`
  const size = `${Math.round(bytes / 1024 / 1024)} MB`
  return `kept in <queue>.failed: ${keep}, at most ${size}, for ${daysOf(lifetime)}${without}`
}

function daysOf(ms: number): string {
  const hours = Math.round(ms / 360_000) / 10
  return hours >= 48 ? `${Math.round(hours / 2.4) / 10} days` : `${hours} hours`
}
