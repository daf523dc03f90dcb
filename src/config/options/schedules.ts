import type { Schedules } from '../../schedules/entries/schedule.ts'
import { scheduleProblems } from '../../schedules/entries/schedule-problems.ts'
import { option } from './option.ts'
import { type Parser, text, yesOrNo } from './parsers.ts'

/** Tasks that are sent on a schedule, and which workers send them. */
export const scheduleOptions = {
  /**
   * Tasks that are sent on a schedule (docs/schedules.md), by the names of their entries. The workers that have this option, with entries or
   * without, elect a leader, which sends what is due.
   */
  schedules: option({
    derived: 'none',
    parser: scheduleTable(),
    doc: 'tasks that are sent on a schedule; the workers that have this option elect a leader, which sends them (docs/schedules.md)',
  }),
  /** Workers of one namespace share their schedules. Give each application on a virtual host its own. */
  schedulesNamespace: option({
    default: 'default',
    env: 'TWQ_SCHEDULES_NAMESPACE',
    parser: text('1 to 100 letters, digits, dots, dashes and underscores', (value) =>
      /^[\w.-]{1,100}$/.test(value) ? value : undefined,
    ),
    doc: 'workers of one namespace share their schedules: `twq.schedules.<namespace>` is their queue',
  }),
  /** False: this worker neither announces its schedules nor takes part in the election of the leader. */
  leadSchedules: option({
    default: true,
    env: 'TWQ_LEAD_SCHEDULES',
    flag: { long: '--no-schedules', means: 'false', of: 'worker', doc: 'leave schedules to other workers' },
    parser: yesOrNo(),
    doc: '`false` leaves schedules to other workers, including those of this configuration',
  }),
}

/** In a file alone. */
function scheduleTable(): Parser<Schedules> {
  return {
    expected: "an object like { nightly: { task: 'reports.nightly', cron: '0 3 * * *' } }, in a configuration file",
    fromValue: (value) => (scheduleProblems(value).length === 0 ? (value as Schedules) : undefined),
    fromText: () => undefined,
    problems: scheduleProblems,
  }
}
