import type { Context, Hono } from 'hono'
import { messageOf, TwqError } from '../../errors.ts'
import { enableEvents } from '../actions/enable-events.ts'
import { changeSchedule, SCHEDULE_ACTS, type ScheduleAct } from '../actions/schedules.ts'
import type { SweepAnswer } from '../answers/actions.ts'
import type { FailedAnswer } from '../answers/failed.ts'
import type { ApiEnv, ApiParts } from './context.ts'
import { needs } from './guard-requests.ts'
import { nameIn, textIn, textsIn } from './queries.ts'

type Body = Readonly<Record<string, unknown>>

/** The routes that change something: each requires a right and is recorded in the audit, also if it fails. */
export function actionRoutes(app: Hono<ApiEnv>, parts: ApiParts): void {
  const { quarantines, failures, client, session, audit, changes } = parts

  async function audited<T>(c: Context<ApiEnv>, what: string, on: string, act: () => Promise<T>): Promise<T> {
    const who = c.get('visitor').name
    try {
      const answer = await act()
      audit.add({ who, what, on, outcome: 'done', detail: JSON.stringify(answer) })
      return answer
    } catch (error) {
      audit.add({ who, what, on, outcome: 'failed', detail: messageOf(error) })
      throw error
    }
  }

  app.post('/api/quarantine/replay', needs('retry'), async (c) => {
    const { queue, ids } = choiceIn(await bodyOf(c))
    const answer = await audited(c, 'replay', named(queue, ids), () => quarantines.replay(queue, ids))
    changes.touch('queues')
    return c.json<SweepAnswer>(answer)
  })
  app.post('/api/quarantine/drop', needs('edit'), async (c) => {
    const { queue, ids } = choiceIn(await bodyOf(c))
    const answer = await audited(c, 'drop', named(queue, ids), () => quarantines.drop(queue, ids))
    changes.touch('queues')
    return c.json<SweepAnswer>(answer)
  })
  app.post('/api/failed/retry', needs('retry'), async (c) => {
    const { queue, ids } = choiceIn(await bodyOf(c))
    const answer = await audited(c, 'retry', named(queue, ids), () => failures.retry(queue, ids))
    changes.touch('queues')
    return c.json<FailedAnswer>(answer)
  })
  app.post('/api/failed/edit', needs('edit'), async (c) => {
    const { queue, id, args } = await bodyOf(c)
    const [name, task, text] = [nameIn(queue, 'queue'), nameIn(id, 'id'), textIn(args, 'args')]
    const answer = await audited(c, 'edit', named(name, [task]), () => failures.edit(name, task, text))
    changes.touch('queues')
    return c.json<FailedAnswer>(answer)
  })
  app.post('/api/failed/drop', needs('edit'), async (c) => {
    const { queue, ids } = choiceIn(await bodyOf(c))
    const answer = await audited(c, 'drop failures', named(queue, ids), () => failures.drop(queue, ids))
    changes.touch('queues')
    return c.json<FailedAnswer>(answer)
  })
  app.post('/api/schedules/:act', needs('schedule'), async (c) => {
    const act = SCHEDULE_ACTS.find((one) => one === c.req.param('act'))
    if (act === undefined) throw new TwqError('TWQ_USAGE', `a schedule can be told to ${SCHEDULE_ACTS.join(', ')}`)
    const name = nameIn((await bodyOf(c)).name, 'name')
    return c.json(await audited(c, act satisfies ScheduleAct, name, () => changeSchedule(client.schedules, act, name)))
  })
  app.post('/api/workers/enable-events', needs('edit'), async (c) => {
    const workers = textsIn((await bodyOf(c)).workers, 'workers')
    await audited(c, 'enable-events', workers.join(', '), () => enableEvents(session, workers))
    return c.json({})
  })
  app.post('/api/tasks/revoke', needs('edit'), async (c) => {
    const { ids, terminate } = await bodyOf(c)
    const tasks = textsIn(ids, 'ids')
    const what = terminate === true ? 'terminate' : 'revoke'
    await audited(c, what, tasks.join(', '), () => client.revoke(tasks, { terminate: terminate === true }))
    return c.json({})
  })
}

async function bodyOf(c: Context): Promise<Body> {
  if (c.req.raw.bodyUsed) {
    throw new TwqError('TWQ_USAGE', 'the body of this request was read before the monitor got it', {
      hint: 'Hand requests to the monitor before a middleware reads them.',
    })
  }
  const body = await c.req.json<unknown>().catch(() => undefined)
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Body
  throw new TwqError('TWQ_USAGE', 'the body must be a JSON object')
}

function choiceIn({ queue, ids }: Body): { readonly queue: string; readonly ids: readonly string[] } {
  return { queue: nameIn(queue, 'queue'), ids: textsIn(ids, 'ids') }
}

function named(queue: string, ids: readonly string[]): string {
  return `${queue}: ${ids.join(', ')}`
}
