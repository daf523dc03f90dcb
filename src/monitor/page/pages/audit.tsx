import type { AuditList } from '../../answers/actions.ts'
import { clockTime } from '../format.ts'
import { useLive } from '../live.ts'
import { Empty, Loaded } from '../parts/empty.tsx'
import { Moment } from '../parts/moment.tsx'

const TONES = { done: 'good', refused: 'warn', failed: 'bad' } as const

/** Who did what, the last act first. */
export function Audit() {
  const live = useLive<AuditList>('/api/audit', ['audit'])
  return (
    <Loaded live={live} lines={5}>
      {({ entries, since }) =>
        entries.length === 0 ? (
          <Empty
            title="Nobody has done anything"
            text={`since the monitor began at ${clockTime(since)}. What is done here is in its log, too.`}
          />
        ) : (
          <div class="card table-box">
            <table>
              <caption class="hidden">Acts of visitors</caption>
              <thead>
                <tr>
                  <th scope="col">When</th>
                  <th scope="col">Who</th>
                  <th scope="col">What</th>
                  <th scope="col">Outcome</th>
                  <th scope="col" class="wide grows">
                    On
                  </th>
                </tr>
              </thead>
              <tbody>
                {entries.map(({ at, who, what, on, outcome, detail }, index) => (
                  <tr key={index}>
                    <td>
                      <Moment at={at} />
                    </td>
                    <th scope="row">{who}</th>
                    <td>{what}</td>
                    <td>
                      <span class={`state ${TONES[outcome]}`}>{outcome}</span>
                    </td>
                    <td class="wide grows">
                      <span class="breaks">{on}</span>
                      {detail !== undefined && detail !== '{}' && <span class="faint mono breaks"> {detail}</span>}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )
      }
    </Loaded>
  )
}
