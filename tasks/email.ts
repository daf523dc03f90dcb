/**
 * A task with a side effect: it sends an e-mail. Messages are delivered at least once, so it can run twice; the details below
 * make a second run recognizable or harmless.
 */
import { createHash } from 'node:crypto'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createTransport, type SendMailOptions } from 'nodemailer'
import { defineTask } from 'twq'
import { z } from 'zod'

/** Welcomes a user by e-mail: by SMTP if `SMTP_URL` is set, else by a file in `SPOOL_DIR` (`./spool`). */
export const sendWelcomeEmail = defineTask({
  name: 'send_welcome_email',
  positional: ['user_id'],
  schema: z.object({ user_id: z.int() }),
  // Six attempts within about half a minute, but only for temporary errors: a mailbox that does not exist stays missing.
  retry: { limit: 5, delay: { base: '1s', factor: 2, max: '30s' }, on: isTransient },
  async run({ user_id }, ctx) {
    const user = findUser(user_id)
    const message = welcome(user, ctx.id)
    // Read on each run, not at import, so that the module can be loaded where there is no mail server.
    const { SMTP_URL, SPOOL_DIR = 'spool' } = process.env
    const delivered = SMTP_URL
      ? await deliver(message, SMTP_URL, ctx.signal)
      : await spool(message, SPOOL_DIR, fingerprint(ctx.id))
    ctx.log.info({ user_id }, 'user welcomed')
    return { to: user.email, ...delivered }
  },
})

interface User {
  readonly name: string
  readonly email: string
}

// In a real application, a database table.
const USERS: ReadonlyMap<number, User> = new Map([
  [1, { name: 'Grace Hopper', email: 'grace@example.com' }],
  [42, { name: 'Ada Lovelace', email: 'ada@example.com' }],
])

function findUser(id: number): User {
  return USERS.get(id) ?? { name: `user ${id}`, email: `user-${id}@example.com` }
}

function welcome(user: User, taskId: string): SendMailOptions {
  return {
    from: 'Example <hello@example.com>',
    to: { name: user.name, address: user.email },
    subject: `Welcome, ${user.name}!`,
    text: `Hello ${user.name},\n\nyour account is ready.\n`,
    // The same for every run of this task, so that a mail server can distinguish a repetition from a second message.
    messageId: `<${fingerprint(taskId)}@example.com>`,
  }
}

/** The sender of a task chooses its id, which may be any text: it is not safe as a file name or header. */
function fingerprint(taskId: string): string {
  return createHash('sha256').update(taskId).digest('hex').slice(0, 32)
}

async function deliver(message: SendMailOptions, url: string, signal: AbortSignal) {
  const transport = createTransport({ url, connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 30_000 })
  const { messageId } = await transport.sendMail({ ...message, signal })
  return { message_id: messageId }
}

/**
 * A second run replaces the file of the first; the file is written under another name and renamed, so that no reader sees half a
 * message.
 */
async function spool(message: SendMailOptions, folder: string, name: string) {
  const { message: bytes, messageId } = await createTransport({ streamTransport: true, buffer: true }).sendMail(message)
  const file = join(resolve(folder), `${name}.eml`)
  await mkdir(resolve(folder), { recursive: true })
  await writeFile(`${file}.part`, bytes)
  await rename(`${file}.part`, file)
  return { message_id: messageId, file }
}

// nodemailer's code for a connection that failed or was interrupted.
const BROKEN_CONNECTION = new Set(['ECONNECTION', 'ESOCKET', 'ETIMEDOUT', 'EDNS'])

/** A 4xx answer means "try again later", a 5xx one "never"; without an answer the connection failed. */
function isTransient(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false
  const { responseCode, code } = error as { responseCode?: number; code?: string }
  if (responseCode !== undefined) return responseCode >= 400 && responseCode < 500
  return code !== undefined && BROKEN_CONNECTION.has(code)
}
