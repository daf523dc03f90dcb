import type { QueueList, QueueRow } from '../../answers/cluster.ts'
import { hrefOf } from '../address.ts'
import { ago, clockTime, count, isoTime, rate } from '../format.ts'
import { useLive } from '../live.ts'
import { Empty, Loaded } from '../parts/empty.tsx'
import { Sparkline } from '../parts/sparkline.tsx'

/** The queues that the configuration names, and those that workers consume. */
export function Queues() {
  const live = useLive<QueueList>('/api/queues', ['queues', 'broker'])
  return (
    <Loaded live={live}>
      {({ queues, asked, every, error }) => (
        <>
          {error !== undefined && (
            <p class="banner bad" role="alert">
              The broker was not asked since {clockTime(asked)}: {error}.
            </p>
          )}
          {queues.length === 0 ? (
            <Empty
              title="No queue is known yet"
              text="They are those of the configuration, and those that workers consume."
            />
          ) : (
            <QueueTable queues={queues} every={every} />
          )}
        </>
      )}
    </Loaded>
  )
}

function QueueTable({ queues, every }: { readonly queues: readonly QueueRow[]; readonly every: number }) {
  const isManaged = queues.some(({ published }) => published !== undefined)
  return (
    <div class="card table-box">
      <table>
        <caption class="hidden">Queues</caption>
        <thead>
          <tr>
            <th scope="col">Queue</th>
            <th scope="col" class="end">
              Ready
            </th>
            <th scope="col" class="end">
              Consumers
            </th>
            {isManaged && (
              <>
                <th scope="col" class="end wide">
                  Unacked
                </th>
                <th scope="col" class="end wide">
                  In
                </th>
                <th scope="col" class="end wide">
                  Out
                </th>
              </>
            )}
            <th scope="col" class="wide">
              Oldest
            </th>
            <th scope="col" class="end wide">
              A minute ago
            </th>
            <th scope="col" class="wide grows">
              Last ten minutes
            </th>
          </tr>
        </thead>
        <tbody>
          {queues.map((queue) => (
            <tr key={queue.name}>
              <th scope="row">
                <Name queue={queue} />
              </th>
              <td class="end mono">{queue.down ? 'down' : queue.exists ? count(queue.ready) : 'missing'}</td>
              <td class="end">
                <Consumers queue={queue} />
              </td>
              {isManaged && (
                <>
                  <td class="end mono wide">{count(queue.unacknowledged)}</td>
                  <td class="end mono wide">{rate(queue.published)}/s</td>
                  <td class="end mono wide">{rate(queue.delivered)}/s</td>
                </>
              )}
              <td class="wide">
                <Oldest queue={queue} />
              </td>
              <td class="end mono wide">{count(queue.depths.at(-1 - Math.round(60 / every)))}</td>
              <td class="wide grows">
                <Sparkline values={queue.depths} most={120} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Name({ queue: { name, kind } }: { readonly queue: QueueRow }) {
  if (kind === 'task') return <span class="row-name">{name}</span>
  if (kind === 'suspects') return <span class="row-name nested">{name}</span>
  return (
    <a class="row-name nested" href={hrefOf(`/${kind}`, { queue: name.slice(0, -1 - kind.length) })}>
      {name}
    </a>
  )
}

const KNOWN_BY = {
  message: 'by its own time',
  senders: 'as senders tell',
  depth: 'when it was empty',
} as const

const CAME = { at: '', before: 'at least ', after: 'at most ' } as const

/** How old the oldest message is, and how that is known. */
function Oldest({ queue: { oldest, oldestUnknown } }: { readonly queue: QueueRow }) {
  if (oldestUnknown !== undefined) return <span class="faint">not known: {oldestUnknown}</span>
  if (oldest === undefined) return <span class="mono">–</span>
  return (
    <>
      <time class="mono" dateTime={isoTime(oldest.at)} title={clockTime(oldest.at)}>
        {CAME[oldest.came]}
        {ago(oldest.at, Date.now() / 1000)}
      </time>{' '}
      <span class="faint">{KNOWN_BY[oldest.by]}</span>
    </>
  )
}

function Consumers({ queue: { kind, exists, ready, consumers } }: { readonly queue: QueueRow }) {
  const isLeft = kind === 'task' && exists && consumers === 0 && (ready ?? 0) > 0
  return (
    <>
      <span class="mono">{count(consumers)}</span>
      {isLeft && <span class="doubt">nobody consumes</span>}
    </>
  )
}
