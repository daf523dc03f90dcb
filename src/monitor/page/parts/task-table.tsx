import type { TaskRow } from '../../answers/tasks.ts'
import { hrefOf } from '../address.ts'
import { clockTime, duration, shortId } from '../format.ts'
import { Moment } from './moment.tsx'
import { State } from './state.tsx'

interface TaskTableProps {
  readonly tasks: readonly TaskRow[]
  readonly caption: string
  /** What the last column has. */
  readonly shows: 'args' | 'exception'
}

/** Tasks, a line each, with links to them. */
export function TaskTable({ tasks, caption, shows }: TaskTableProps) {
  return (
    <div class="card table-box">
      <table>
        <caption class="hidden">{caption}</caption>
        <thead>
          <tr>
            <th scope="col">Task</th>
            <th scope="col">State</th>
            <th scope="col" class="wide">
              Worker
            </th>
            <th scope="col" class="end wide">
              Ran
            </th>
            <th scope="col" class="end">
              Last event
            </th>
            <th scope="col" class="wide grows">
              {shows === 'args' ? 'Arguments' : 'Exception'}
            </th>
          </tr>
        </thead>
        <tbody>
          {tasks.map((task) => (
            <tr key={task.id}>
              <th scope="row">
                <a class="row-link" href={hrefOf(`/tasks/${encodeURIComponent(task.id)}`)}>
                  <span class="row-name">{task.name ?? 'unnamed'}</span>
                  <span class="faint mono">{shortId(task.id)}</span>
                </a>
              </th>
              <td>
                <State state={task.state} />
                <Doubt task={task} />
              </td>
              <td class="wide">
                <span class="cut">{task.worker ?? '–'}</span>
              </td>
              <td class="end mono wide">{duration(task.runtime)}</td>
              <td class="end">
                <Moment at={task.at} />
              </td>
              <td class="wide grows">
                <span class="cut mono">{(shows === 'args' ? task.args : task.exception) ?? '–'}</span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** What is not known of a task, where something is not. */
export function Doubt({ task: { unknownSince, workerLostSince } }: { readonly task: TaskRow }) {
  if (unknownSince !== undefined) return <span class="doubt">unknown since {clockTime(unknownSince)}</span>
  if (workerLostSince === undefined) return null
  return <span class="doubt">worker silent since {clockTime(workerLostSince)}</span>
}
