import type { TaskList } from '../answers/tasks.ts'
import { rowOf } from '../store/describe-task.ts'
import { choicesOf, listTasks, placeOf, type TaskQuery } from '../store/list-tasks.ts'
import type { ApiParts } from './context.ts'

/** A page of the list of tasks: from the file if they are stored, else from memory. */
export async function tasksOf({ store, keeper, hide }: ApiParts, query: TaskQuery, now: number): Promise<TaskList> {
  if (keeper === undefined) return listTasks(store, query, hide, now)
  const [{ views, matching, limitation }, remembered] = await Promise.all([keeper.find(query), keeper.count()])
  const last = views.at(-1)
  return {
    tasks: views.map((view) => rowOf(view, store, hide, now)),
    matching,
    remembered,
    limitation,
    next: last !== undefined && views.length === query.limit ? placeOf(last.state) : undefined,
    ...choicesOf(store),
  }
}
