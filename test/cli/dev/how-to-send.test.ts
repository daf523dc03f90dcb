import { expect, it } from 'vitest'
import { howToSend } from '../../../src/cli/dev/how-to-send.ts'

const url = 'amqp://guest:guest@localhost:5672//'
const add = { name: 'add', positional: ['x', 'y'] }

it('can be pasted', () => {
  expect(howToSend({ url, found: true, queue: 'celery', tasks: [{ name: 'a', positional: [] }, add] })).toBe(
    [
      'Send a task from the shell:',
      `  npx twq task send add '[2, 3]' --wait`,
      'from TypeScript:',
      `  import { createClient } from 'twq'`,
      `  const client = createClient({ broker: '${url}' })`,
      `  console.log(await (await client.send('add', [2, 3])).result())`,
      'from Python:',
      '  from celery import Celery',
      `  app = Celery(broker='${url}', backend='rpc://')`,
      `  print(app.send_task('add', args=[2, 3]).get(timeout=10))`,
      '',
    ].join('\n'),
  )
})

it('quotes a name for the shell', () => {
  const tasks = [{ name: 'send the mail', positional: [] }]
  expect(howToSend({ url, found: true, queue: 'celery', tasks })).toContain(`task send 'send the mail' '[]' --wait`)
})

it('names what others would not find, and shows no password but the one that everybody knows', () => {
  const shout = { name: 'shout', positional: ['text', 'times?'] }
  const text = howToSend({ url: 'amqp://app:secret@rabbit/', found: false, queue: 'loud', tasks: [shout] })
  expect(text).toContain(`npx twq task send shout '["text"]' --wait --broker amqp://app:***@rabbit/`)
  expect(text).toContain(`createClient({ broker: 'amqp://app:***@rabbit/', queue: 'loud' })`)
  expect(text).toContain(`app.send_task('shout', args=["text"], queue='loud')`)
  expect(text).not.toContain('secret')
})
