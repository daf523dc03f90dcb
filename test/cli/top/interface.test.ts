import { describe, expect, it } from 'vitest'
import { FIRST_SIGHT, type Interface, press, shownTasks } from '../../../src/cli/top/interface.ts'
import type { TaskState } from '../../../src/events/task-state.ts'

const task = (uuid: string, fields: Partial<TaskState> = {}): TaskState => ({
  ...{ uuid, state: 'STARTED', timestamp: 100, clock: 1, name: 'add', worker: 'w1' },
  ...fields,
})
const tasks = [task('a'), task('b'), task('c')]

/** What it comes to after these keys: names in angle brackets, else the text itself. */
function pressed(keys: readonly string[], from: Interface = FIRST_SIGHT) {
  let last: ReturnType<typeof press> = { after: from }
  for (const key of keys) {
    const name = /^<(.+)>$/.exec(key)?.[1]
    last = press(last.after, { name, text: name === undefined ? key : undefined }, tasks)
  }
  return last
}

describe('keys', () => {
  it.each<[string, string[], object]>([
    ['s sorts by the next thing', ['s'], { sort: 'state' }],
    ['s comes round', ['s', 's', 's', 's', 's'], { sort: 'time' }],
    ['down goes to the first task', ['<down>'], { selected: 'a' }],
    ['down goes on', ['<down>', '<down>'], { selected: 'b' }],
    ['down ends at the last', ['<down>', '<pagedown>', '<down>'], { selected: 'c' }],
    ['up goes back, to the first', ['<down>', '<down>', '<up>', '<up>'], { selected: 'a' }],
    ['/ takes a filter', ['/', 'a', 'q', 'x'], { filter: 'aqx', mode: { kind: 'filter' } }],
    ['backspace takes a letter back', ['/', 'a', 'b', '<backspace>'], { filter: 'a' }],
    ['return keeps the filter', ['/', 'a', '<return>'], { filter: 'a', mode: { kind: 'browse' } }],
    ['escape drops it', ['/', 'a', '<return>', '<escape>'], { filter: '', mode: { kind: 'browse' } }],
    ['a control character is no filter', ['/', '\u001b', '\u0007'], { filter: '' }],
    ['x asks first', ['<down>', 'x'], { mode: { kind: 'revoke', uuid: 'a', name: 'add' } }],
    [
      'x without a task says what to do',
      ['x'],
      { mode: { kind: 'browse' }, message: expect.stringContaining('first') },
    ],
    [
      'any other key revokes nothing',
      ['<down>', 'x', 'q'],
      { mode: { kind: 'browse' }, message: 'nothing was revoked' },
    ],
    ['others do nothing', ['z', '<f1>'], FIRST_SIGHT],
  ])('%s', (_, keys, expected) => {
    const { after: now, effect } = pressed(keys)
    expect(now).toMatchObject(expected)
    expect(effect).toBeUndefined()
  })

  it('quit, revoke and terminate', () => {
    expect(pressed(['q']).effect).toEqual({ kind: 'quit' })
    expect(pressed(['<down>', 'x', 'y']).effect).toEqual({ kind: 'revoke', uuid: 'a', terminate: false })
    expect(pressed(['<down>', 'x', 't']).effect).toEqual({ kind: 'revoke', uuid: 'a', terminate: true })
  })

  it('do not revoke a task that has gone from the screen', () => {
    const { after: now } = press({ ...FIRST_SIGHT, selected: 'gone' }, { name: 'x', text: 'x' }, tasks)
    expect(now.mode).toEqual({ kind: 'browse' })
  })
})

describe('the tasks on the screen', () => {
  const shown = (all: TaskState[], chosen: Partial<Interface>) =>
    shownTasks(all, { ...FIRST_SIGHT, ...chosen }).map(({ uuid }) => uuid)

  it('are sorted, the newest first where nothing else decides', () => {
    const all = [
      task('a', { timestamp: 1, runtime: 2, name: 'z' }),
      task('b', { timestamp: 3, state: 'FAILURE', worker: 'w0' }),
      task('c', { timestamp: 2, runtime: 9 }),
    ]
    expect(shown(all, { sort: 'time' })).toEqual(['b', 'c', 'a'])
    expect(shown(all, { sort: 'state' })).toEqual(['b', 'c', 'a'])
    expect(shown(all, { sort: 'runtime' })).toEqual(['c', 'a', 'b'])
    expect(shown(all, { sort: 'worker' })).toEqual(['b', 'c', 'a'])
    expect(shown(all, { sort: 'name' })).toEqual(['b', 'c', 'a'])
  })

  it('hold the filter in any of what is shown', () => {
    const all = [task('a', { args: '(42,)' }), task('b', { state: 'FAILURE' }), task('c', { name: 'emails.send' })]
    expect(shown(all, { filter: '42' })).toEqual(['a'])
    expect(shown(all, { filter: 'fail' })).toEqual(['b'])
    expect(shown(all, { filter: 'EMAILS' })).toEqual(['c'])
    expect(shown(all, { filter: 'none such' })).toEqual([])
  })
})
