import type { WorkerList, WorkerRow } from '../../answers/cluster.ts'
import type { SessionAnswer } from '../../answers/session.ts'
import { hrefOf } from '../address.ts'
import { act } from '../ask.ts'
import { ago, clockTime, count, duration } from '../format.ts'
import { useLive } from '../live.ts'
import { Empty, Loaded } from '../parts/empty.tsx'
import { attempt } from '../parts/notices.tsx'

/** Every worker that was heard of, and how it is. */
export function Workers({ session }: { readonly session: SessionAnswer }) {
  const live = useLive<WorkerList>('/api/workers', ['workers', 'broker'], { least: 2_000 })
  return (
    <Loaded live={live}>
      {({ workers, now }) =>
        workers.length === 0 ? (
          <Empty
            title="No worker has been heard of"
            text={
              <>
                Start one: <code>twq worker start</code>
              </>
            }
          />
        ) : (
          <>
            <Silent workers={workers} mayEnable={session.rights.includes('edit')} />
            <WorkerTable workers={workers} now={now} />
          </>
        )
      }
    </Loaded>
  )
}

function Silent({ workers, mayEnable }: { readonly workers: readonly WorkerRow[]; readonly mayEnable: boolean }) {
  const silent = workers.filter(({ taskEvents, online }) => taskEvents === 'silent' && online).map(({ name }) => name)
  if (silent.length === 0) return null
  const enable = () =>
    attempt(
      () => 'They are told to send task events.',
      () => act('/api/workers/enable-events', { workers: silent }),
    )
  return (
    <div class="banner warn">
      <p>
        {silent.length === 1 ? 'One worker sends' : `${silent.length} workers send`} no task events, so what runs there
        is not shown: <strong>{silent.join(', ')}</strong>.
      </p>
      {mayEnable ? (
        <button type="button" onClick={() => void enable()}>
          Enable their events
        </button>
      ) : (
        <p>
          Start them with <code>-E</code>, or the monitor with <code>--enable</code>.
        </p>
      )}
    </div>
  )
}

const HEARD = { heard: 'on', silent: 'off', unknown: 'not seen yet' } as const

function WorkerTable({ workers, now }: { readonly workers: readonly WorkerRow[]; readonly now: number }) {
  return (
    <div class="card table-box">
      <table>
        <caption class="hidden">Workers</caption>
        <thead>
          <tr>
            <th scope="col">Worker</th>
            <th scope="col">Status</th>
            <th scope="col" class="end">
              Busy
            </th>
            <th scope="col" class="end">
              Done
            </th>
            <th scope="col" class="wide">
              Pool
            </th>
            <th scope="col" class="end wide">
              Load
            </th>
            <th scope="col" class="end wide">
              Up
            </th>
            <th scope="col" class="end wide">
              Clock
            </th>
            <th scope="col" class="wide">
              Task events
            </th>
            <th scope="col" class="wide grows">
              Queues
            </th>
          </tr>
        </thead>
        <tbody>
          {workers.map((worker) => (
            <tr key={worker.name}>
              <th scope="row">
                <a class="row-link" href={hrefOf('/tasks', { worker: worker.name })}>
                  <span class="row-name">{worker.name}</span>
                  <span class="faint">{worker.software ?? 'software unknown'}</span>
                </a>
              </th>
              <td>
                <span class={`state ${worker.online ? 'good' : 'bad'}`}>{worker.online ? 'online' : 'offline'}</span>
                {!worker.online && <span class="doubt">silent since {clockTime(worker.lastHeard)}</span>}
              </td>
              <td class="end">
                <Slots worker={worker} />
              </td>
              <td class="end mono">{count(worker.processed)}</td>
              <td class="wide">{worker.pool ?? '–'}</td>
              <td class="end mono wide">{worker.load?.[0]?.toFixed(2) ?? '–'}</td>
              <td class="end mono wide">{duration(worker.uptime)}</td>
              <td
                class="end mono wide"
                title={worker.asked === undefined ? '' : `as it answered ${ago(worker.asked, now)}`}
              >
                {count(worker.clock)}
              </td>
              <td class="wide">{HEARD[worker.taskEvents]}</td>
              <td class="wide grows">
                <span class="cut">{worker.queues.join(', ') || '–'}</span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** How many of its slots are busy. */
function Slots({ worker: { active, slots } }: { readonly worker: WorkerRow }) {
  if (slots === undefined) return <span class="mono">{count(active)}</span>
  return (
    <span class="slots">
      <span class="mono">
        {count(active)} / {count(slots)}
      </span>
      <progress max={Math.max(1, slots)} value={Math.min(active ?? 0, slots)} aria-label="Busy slots" />
    </span>
  )
}
