import type { Json, JsonObject } from '../../src/runtime/json.ts'
import type { Canvas } from '../../src/tasks/sending.ts'

/** The stamps of each task in a signature, by its name, links included. */
export function stampsIn(value: Json | Canvas, found: Record<string, unknown> = {}): Record<string, unknown> {
  const { task, options, kwargs, subtask_type: kind } = value as JsonObject & { task: string; options: JsonObject }
  const { stamped_headers: names, link, link_error: errbacks } = options
  if (kind === null) {
    found[task] = names && Object.fromEntries((names as string[]).map((name) => [name, options[name]]))
  }
  const { tasks, header, body } = kwargs as JsonObject
  for (const inner of [tasks, header, body, link, errbacks].flat()) if (inner) stampsIn(inner as Json, found)
  return found
}
