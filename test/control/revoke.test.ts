import { describe, expect, it } from 'vitest'
import { hello } from '../../src/control/commands/hello.ts'
import { revoke, revokeByStampedHeaders, revoked, terminate } from '../../src/control/commands/revoke.ts'
import type { StampedTask, WorkerView } from '../../src/control/worker-view.ts'
import type { Json } from '../../src/runtime/json.ts'

/** A worker that has these tasks in hand and writes down what it is told. */
function aWorkerView(tasks: readonly StampedTask[] = []) {
  const ids: string[] = []
  const told: string[] = []
  const stamps: unknown[] = []
  const signals: number[] = []
  const view: Partial<WorkerView> = {
    node: 'w1@host1',
    revoke: (more) => {
      ids.push(...more)
      told.push(...more)
    },
    learnRevoked: (more) => void ids.push(...more),
    revokeStamped: (more) => void stamps.push(more),
    revoked: () => ids.map((id) => [id, 1_700_000_000_000] as const),
    terminate: (matches, signum) => {
      signals.push(signum)
      return tasks.filter(matches).map(({ id }) => id)
    },
    takesRevocations: true,
    tick: () => 68,
  }
  return { view: view as WorkerView, ids, told, stamps, signals }
}

describe("Celery's answers", () => {
  it.each([
    ['one id', { task_id: 'x-1' }, "tasks {'x-1'} flagged as revoked"],
    ['a list', { task_id: ['x-2', 'x-3'] }, "tasks {'x-2', 'x-3'} flagged as revoked"],
    ['nothing', { task_id: [] }, 'tasks set() flagged as revoked'],
    [
      'one to terminate that nobody knows',
      { task_id: 'x-4', terminate: true, signal: 'SIGTERM' },
      'terminate: tasks unknown',
    ],
    ['two to terminate', { task_id: ['t1', 't2'], terminate: true }, 'terminate: t1, t2'],
  ])('to revoke with %s', (_title, args, ok) => {
    const { view, ids } = aWorkerView([
      { id: 't1', stamps: {} },
      { id: 't2', stamps: {} },
    ])
    expect(revoke.handle(view, args)).toEqual({ ok })
    expect(ids).toEqual([args.task_id].flat())
  })

  it('to terminate', () => {
    const { view, ids } = aWorkerView([{ id: 't1', stamps: {} }])
    expect(terminate.handle(view, { signal: 'SIGKILL', task_id: 't1' })).toEqual({ ok: 'terminate: t1' })
    expect(ids).toEqual(['t1'])
  })

  it.each<[Json, number]>([
    ['SIGTERM', 15],
    ['KILL', 9],
    [2, 2],
    [null, 15],
  ])('to terminate by %j, which it tells monitors as %i', (signal, signum) => {
    const { view, signals } = aWorkerView([{ id: 't1', stamps: {} }])
    void terminate.handle(view, { signal, task_id: 't1' })
    expect(signals).toEqual([signum])
  })

  it.each<[Json, string]>([
    ['SIGNONE', `AttributeError("module 'signal' has no attribute 'SIGNONE'")`],
    ['sigterm', "TypeError('signal name must be uppercase string.')"],
  ])('to terminate by %j, which is no signal', (signal, error) => {
    const { view, ids, signals } = aWorkerView()
    expect(() => terminate.handle(view, { signal, task_id: 't1' })).toThrow(error)
    // As with Celery it does not run any more, if it has not started.
    expect({ ids, signals }).toEqual({ ids: ['t1'], signals: [] })
  })

  it.each([
    [{ headers: { mid: ['a', 'b'] } }, "headers {'mid': ['a', 'b']} flagged as revoked, but not terminated"],
    [{ headers: { mid: ['a', 'b'] }, terminate: true }, "headers {'mid': ['a', 'b']} revoked"],
    [{ headers: { mid: ['c'] }, terminate: true }, "headers {'mid': ['c']} were not terminated"],
    [{ headers: ['mid=b'], terminate: true }, "headers {'mid': 'b'} revoked"],
    [{ headers: { toString: ['b'] }, terminate: true }, "headers {'toString': ['b']} were not terminated"],
  ])('to revoke_by_stamped_headers with %j', (args, ok) => {
    const { view } = aWorkerView([{ id: 't1', stamps: { mid: ['b'] } }])
    expect(revokeByStampedHeaders.handle(view, args)).toEqual({ ok })
  })

  it('to missing arguments', () => {
    const { view } = aWorkerView()
    expect(() => revoke.handle(view, {})).toThrow(
      `TypeError("revoke() missing 1 required positional argument: 'task_id'")`,
    )
    expect(() => terminate.handle(view, {})).toThrow(
      `TypeError("terminate() missing 2 required positional arguments: 'signal' and 'task_id'")`,
    )
  })

  it('to inspect revoked', () => {
    const { view, ids } = aWorkerView()
    ids.push('a', 'b')
    expect(revoked.handle(view, {})).toEqual(['a', 'b'])
  })
})

describe('hello', () => {
  it('answers with what is revoked here, in times that Python takes, and takes over what is revoked there', () => {
    const { view, ids, told } = aWorkerView()
    ids.push('mine')
    const reply = hello.handle(view, { from_node: 'w2@host1', revoked: { theirs: [12.5, 'theirs'] } })
    expect(reply).toEqual({
      revoked: { mine: [1_700_000_000.5, 'mine'], theirs: [1_700_000_000.5, 'theirs'] },
      clock: 68,
    })
    expect(ids).toEqual(['mine', 'theirs'])
    // Whoever revoked them has told the readers of their results.
    expect(told).toEqual([])
  })

  it('has nothing to say to itself', () => {
    expect(hello.handle(aWorkerView().view, { from_node: 'w1@host1' })).toBeNull()
  })
})
