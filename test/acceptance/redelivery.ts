import type { RabbitNode } from '../support/provision/rabbit.ts'
import type { Check } from './check.ts'
import { outliveTheTimeout } from './outlived-timeout.ts'
import { returnAgainAndAgain } from './returned-tasks.ts'
import type { Scene } from './scene.ts'

/** 30 kills and 30 cuts of a worker in which tasks wait, and a task that outlives the broker's patience. */
export async function* returnTasks({
  node,
  folder,
}: Pick<Scene, 'folder'> & { readonly node: RabbitNode }): AsyncIterable<Check> {
  await node.ctl('add_vhost', 'returned', '--default-queue-type', 'quorum')
  await node.ctl('set_permissions', '-p', 'returned', 'guest', '.*', '.*', '.*')
  const places = [
    ['quorum queue', node.url(), 'quorum'],
    ['default type quorum', node.url('returned'), 'default'],
  ] as const
  const rounds = 30
  const reports = await Promise.all(
    places.map(([, url, type]) => returnAgainAndAgain({ url, folder }, { type, rounds })),
  )
  for (const [index, report] of reports.entries()) {
    const { sent, lost, expectedStarts, extraStarts, unexplained, fewest, quarantined, left, lasted } = report
    yield {
      what: `${places[index]?.[0]}, 60 rate-limited, 60 eta and 60 retrying tasks, ${rounds} kills and ${rounds} cuts in ${Math.round(lasted / 1000)} s: lost; starts beyond ${expectedStarts}; of them unexplained; in quarantine; left; in flight at least`,
      figure: `${lost.length} of ${sent}; ${extraStarts}; ${unexplained.length}; ${quarantined.length}; ${left}; ${fewest}`,
      target: '0; any; 0; 0; 0; some',
      ok: [lost, unexplained, quarantined].every(({ length }) => length === 0) && left === 0 && fewest > 0,
    }
  }
  const [lasting, timeout] = [40_000, 10_000]
  const { starts, result, hints, timeouts, ...rest } = await outliveTheTimeout({ folder }, { lasting, timeout })
  yield {
    what: 'quorum queue, a task of 40 s where the broker waits for 10 s: starts; result; hints; times it came back; in quarantine; left',
    figure: `${starts}; ${result}; ${hints}; ${timeouts}; ${rest.quarantined}; ${rest.left}`,
    target: '1; its own; 1; some; 0; 0',
    ok: starts === 1 && result === 'its own' && hints === 1 && timeouts > 0 && rest.quarantined + rest.left === 0,
  }
}
