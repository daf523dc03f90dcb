import type { ScheduleListing, ScheduleRow } from '../../answers/actions.ts'
import type { SessionAnswer } from '../../answers/session.ts'
import { hrefOf } from '../address.ts'
import { act } from '../ask.ts'
import { momentOf } from '../format.ts'
import { useLive } from '../live.ts'
import { Empty, Loaded } from '../parts/empty.tsx'
import { Moment } from '../parts/moment.tsx'
import { attempt } from '../parts/notices.tsx'

// The worker that leads is asked: nothing tells of changes.
const EVERY = 5_000

/** What is sent again and again, and when. */
export function Schedules({ session }: { readonly session: SessionAnswer }) {
  const live = useLive<ScheduleListing>('/api/schedules', [], { every: EVERY })
  const may = session.rights.includes('schedule')
  return (
    <Loaded live={live} lines={5}>
      {({ schedules, leader, unavailable }) => {
        if (unavailable !== undefined) return <Empty title="No worker leads the schedules" text={unavailable} />
        if (schedules.length === 0) {
          return (
            <Empty
              title="There are no schedules"
              text={
                <>
                  They are in the configuration of workers, or set by <code>twq schedule set</code>.
                </>
              }
            />
          )
        }
        return (
          <>
            <p class="faint">
              Led by <strong>{leader}</strong>
            </p>
            <div class="card table-box">
              <table>
                <caption class="hidden">Schedules</caption>
                <thead>
                  <tr>
                    <th scope="col">Schedule</th>
                    <th scope="col">When</th>
                    <th scope="col" class="wide">
                      State
                    </th>
                    <th scope="col" class="wide">
                      Next
                    </th>
                    <th scope="col" class="wide">
                      Sent last
                    </th>
                    {may && (
                      <th scope="col" class="grows">
                        <span class="hidden">Acts</span>
                      </th>
                    )}
                  </tr>
                </thead>
                <tbody>
                  {schedules.map((schedule) => (
                    <Line key={schedule.name} schedule={schedule} may={may} again={live.again} />
                  ))}
                </tbody>
              </table>
            </div>
          </>
        )
      }}
    </Loaded>
  )
}

interface LineProps {
  readonly schedule: ScheduleRow
  readonly may: boolean
  readonly again: () => void
}

function Line({ schedule, may, again }: LineProps) {
  const { name, task, when, state, source, next, lastSent, lastId } = schedule
  const change = async (verb: 'pause' | 'resume' | 'trigger') => {
    await attempt(
      (answer) => `${name}: ${(answer as { outcome: string }).outcome}.`,
      () => act(`/api/schedules/${verb}`, { name }),
    )
    again()
  }
  const isPaused = state === 'paused'
  return (
    <tr>
      <th scope="row">
        <span class="row-name">{name}</span>
        <span class="faint">
          {task}, {source}
        </span>
      </th>
      <td class="mono">{when}</td>
      <td class="wide">
        <span class={`state ${isPaused ? 'warn' : 'plain'}`}>{state}</span>
      </td>
      <td class="wide">
        <Moment at={momentOf(next)} />
      </td>
      <td class="wide">
        {lastId === undefined ? (
          <Moment at={momentOf(lastSent)} />
        ) : (
          <a href={hrefOf(`/tasks/${encodeURIComponent(lastId)}`)}>
            <Moment at={momentOf(lastSent)} />
          </a>
        )}
      </td>
      {may && (
        <td class="grows">
          <div class="buttons">
            <button type="button" aria-label={`Run now: ${name}`} onClick={() => void change('trigger')}>
              Run now
            </button>
            <button
              type="button"
              aria-label={`${isPaused ? 'Resume' : 'Pause'}: ${name}`}
              onClick={() => void change(isPaused ? 'resume' : 'pause')}
            >
              {isPaused ? 'Resume' : 'Pause'}
            </button>
          </div>
        </td>
      )}
    </tr>
  )
}
