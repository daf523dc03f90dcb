import type { Config } from '../../config/config.ts'
import { resultBackendOf } from '../../results/kinds/all.ts'
import { redactUrl } from '../../runtime/text/redact-url.ts'
import { shownFailures } from '../terminal/shown-failures.ts'

/** The facts in the banner besides the configuration. */
export interface BannerFacts {
  readonly config: Config
  readonly file: string | undefined
  /** Where the broker's URL was found: a flag, a variable, the file, or `default`. */
  readonly brokerFrom: string
  readonly taskNames: readonly string[]
  readonly pid: number
  readonly version: string
}

const MOST_TASKS = 10

/** The text at a terminal before the log begins. */
export function workerBanner({ config, file, brokerFrom, taskNames, pid, version }: BannerFacts): string {
  const unnamed = taskNames.length - MOST_TASKS
  const rows: readonly (readonly [string, string])[] = [
    ['config', file ?? 'none found'],
    ['broker', `${redactUrl(config.broker)} (from ${brokerFrom})`],
    ['results', resultBackendOf(config.resultBackend).shown],
    ['concurrency', `${slotsOf(config)} (${config.pool}), prefetch ${config.prefetch}, acks ${config.acks}`],
    ['queues', config.queues.map(({ name }) => name).join(', ')],
    ['failures', shownFailures(config.failures)],
    [
      'tasks',
      `${taskNames.length}: ${taskNames.slice(0, MOST_TASKS).join(', ')}${unnamed > 0 ? `, and ${unnamed} more` : ''}`,
    ],
  ]
  const lines = rows.map(([label, value]) => `  ${label.padEnd(12)} ${value}`)
  return [`${config.nodeName}  pid ${pid}  twq ${version}  node ${process.versions.node}`, ...lines, '', ''].join('\n')
}

function slotsOf({ autoscale, concurrency }: Config): string {
  return autoscale === undefined ? String(concurrency) : `${concurrency} to ${autoscale.max}`
}
